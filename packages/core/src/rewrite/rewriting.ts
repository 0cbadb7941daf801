import type { BoundValue, Envelope, RowCipher, RowToSeal } from '../envelope/contract.ts'
import { EnvelopeError, type EnvelopeErrorCode, type ErrorPlace } from '../errors.ts'
import type { Bind, PrismaNamespace } from '../values/contract.ts'
import type { AccessLog, Subject } from './access.ts'
import { sealRows } from './cipher-border.ts'
import type { OnForeignWrite } from './foreign-writes.ts'
import { type Input, isInput } from './input.ts'
import type { EncryptedField, Model } from './model.ts'
import type { RowPolicy } from './row-context.ts'
import { SealedRows } from './sealed-rows.ts'
import type { TwinSearch, UniqueClaim } from './unique-claim.ts'
import type { UnreadablePolicy } from './unreadable.ts'

/** What every rewriting step needs and none changes. */
export interface Tools {
  readonly cipher: RowCipher
  readonly bind: Bind
  readonly prisma: PrismaNamespace
  readonly reportForeignWrite: OnForeignWrite
  readonly accesses: AccessLog
  readonly unreadable: UnreadablePolicy
  /** What the operation is run for. */
  readonly settings: Readonly<Record<string, string>>
  /** Undefined where rows have no contexts and all are under the current key. */
  readonly policy: RowPolicy | undefined
}

interface PendingToken {
  readonly field: EncryptedField
  readonly value: string
  readonly scope: readonly BoundValue[]
  readonly set: (token: string) => void
}

interface PendingTokens {
  readonly field: EncryptedField
  readonly value: string
  readonly scope: readonly BoundValue[]
  readonly set: (tokens: readonly string[]) => void
}

interface PendingSeal {
  readonly row: RowToSeal
  readonly subject: () => Subject
  readonly set: (envelope: Envelope) => void
}

/**
 * One operation being rewritten. The walk over the arguments is synchronous and leaves holes; {@link Rewriting.settle} fills them, so that all
 * tokens and all envelopes of an operation cost one trip to the key layer, and none where there is nothing to encrypt.
 */
export class Rewriting {
  readonly tools: Tools
  readonly operation: string
  readonly sealedRows: SealedRows
  readonly #tokens: PendingToken[] = []
  readonly #alternatives: PendingTokens[] = []
  readonly #claims: UniqueClaim[] = []
  readonly #twins: TwinSearch | undefined
  readonly #seals: PendingSeal[] = []

  constructor(tools: Tools, operation: string, sealedRows: SealedRows = new SealedRows(), twins?: TwinSearch) {
    this.tools = tools
    this.operation = operation
    this.sealedRows = sealedRows
    this.#twins = twins
  }

  /** Another query of the same operation, with holes of its own. */
  next(): Rewriting {
    return new Rewriting(this.tools, this.operation, this.sealedRows, this.#twins)
  }

  /** What the operation is run for, such as `actor` and `reason`. */
  get settings(): Readonly<Record<string, string>> {
    return this.tools.settings
  }

  error(code: EnvelopeErrorCode, reason: string, model: Model, field?: string): EnvelopeError {
    const place: ErrorPlace = { model: model.name, field, operation: this.operation }
    return new EnvelopeError(code, reason, place)
  }

  /**
   * Applies `change` to an object, or to each of a list. What is neither would reach Prisma's validation, whose message shows all of it.
   *
   * @throws EnvelopeError `INVALID_VALUE`
   */
  eachInput(model: Model, argument: string, value: unknown, change: (input: Input) => unknown): unknown {
    if (isInput(value)) return change(value)
    if (this.isAbsent(value) || value === null || typeof value === 'boolean') return value
    if (Array.isArray(value)) return value.map((item) => (isInput(item) ? change(item) : this.#refuse(model, argument)))
    return this.#refuse(model, argument)
  }

  /** As {@link Rewriting.eachInput}, where Prisma takes one object only. */
  oneInput(model: Model, argument: string, value: unknown, change: (input: Input) => unknown): unknown {
    return Array.isArray(value) ? this.#refuse(model, argument) : this.eachInput(model, argument, value, change)
  }

  #refuse(model: Model, argument: string): never {
    throw this.error('INVALID_VALUE', `\`${argument}\` must be an object, as Prisma's types say`, model)
  }

  /** Whether Prisma takes `value` for an argument that was not given. */
  isAbsent(value: unknown): boolean {
    return value === undefined || (this.tools.prisma.skip !== undefined && value === this.tools.prisma.skip)
  }

  /** Asks for the token of an encoded value. */
  token(field: EncryptedField, value: string, scope: readonly BoundValue[], set: (token: string) => void): void {
    this.#tokens.push({ field, value, scope, set })
  }

  /** Asks for the tokens of an encoded value under all index keys, the current one first. */
  tokens(field: EncryptedField, value: string, scope: readonly BoundValue[], set: (tokens: readonly string[]) => void): void {
    this.#alternatives.push({ field, value, scope, set })
  }

  /** Whether it can be asked for other rows that hold the same unique values: that takes a transaction. */
  get findsTwins(): boolean {
    return this.#twins !== undefined
  }

  /** Says which unique values a row will hold, so that no other row has them in another form. */
  claim(claim: UniqueClaim): void {
    this.#claims.push(claim)
  }

  /**
   * Asks for a row's envelope.
   *
   * @param subject says which row it is; asked only where somebody listens.
   */
  seal(row: RowToSeal, subject: () => Subject, set: (envelope: Envelope) => void): void {
    this.#seals.push({ row, subject, set })
  }

  /** Fills every hole. Nothing of the rewritten arguments may be used before. */
  async settle(): Promise<void> {
    if (this.#tokens.length > 0) {
      const tokenizer = await this.tools.cipher.tokenizer()
      for (const { field, value, scope, set } of this.#tokens) {
        if (field.search !== undefined) set(tokenizer.token(field.search, value, scope))
      }
    }
    if (this.#alternatives.length > 0) {
      const tokenizers = await this.tools.cipher.tokenizers()
      for (const { field, value, scope, set } of this.#alternatives) {
        const { search } = field
        if (search !== undefined) set(tokenizers.map((tokenizer) => tokenizer.token(search, value, scope)))
      }
    }
    if (this.#claims.length > 0) await this.#twins?.(this.#claims, this)
    if (this.#seals.length > 0) {
      const seals = this.#seals
      const envelopes = await sealRows(
        seals.map((pending) => pending.row),
        (i) => (seals[i] as PendingSeal).subject(),
        this,
      )
      this.#seals.forEach((pending, i) => {
        const envelope = envelopes[i]
        if (envelope === undefined) throw new Error('the cipher sealed too few rows')
        pending.set(envelope)
        this.sealedRows.add(pending.row, envelope)
      })
    }
    this.#tokens.length = 0
    this.#alternatives.length = 0
    this.#claims.length = 0
    this.#seals.length = 0
  }
}
