/**
 * Stable codes of {@link EnvelopeError}.
 *
 * - `CONFIG`: the options or the generated plan are wrong.
 * - `UNSUPPORTED`: ciphertext can't answer this, or this version does not do it; the message names the way out.
 * - `ENVELOPE_INPUT`: the caller named the envelope column as input.
 * - `INVALID_VALUE`: a value is not of its field's type.
 * - `CANNOT_OPEN`: a row's envelope does not open. One opaque code for every reason.
 * - `PLAINTEXT_FOUND`: a row that should be encrypted has no envelope.
 * - `FOREIGN_WRITE`: an encrypted column of a sealed row holds something that this library did not write.
 * - `CONFLICT`: concurrent writers kept changing the row.
 * - `KEY_UNKNOWN`, `KEY_DISABLED`, `ACCESS_DENIED`: the KMS refuses; retrying does not help.
 * - `KEY_RETIRED`: the row is under a key older than `minimumKey`.
 * - `CONTEXT_MISMATCH`: the row is under another context than its reader may see, or than the KMS was told.
 * - `THROTTLED`, `UNAVAILABLE`, `TIMEOUT`: the KMS did not answer; retrying may help.
 * - `ERASED`: the row's key was erased on purpose.
 */
export type EnvelopeErrorCode =
  | 'CONFIG'
  | 'UNSUPPORTED'
  | 'ENVELOPE_INPUT'
  | 'INVALID_VALUE'
  | 'CANNOT_OPEN'
  | 'PLAINTEXT_FOUND'
  | 'FOREIGN_WRITE'
  | 'CONFLICT'
  | 'KEY_UNKNOWN'
  | 'KEY_DISABLED'
  | 'ACCESS_DENIED'
  | 'KEY_RETIRED'
  | 'CONTEXT_MISMATCH'
  | 'THROTTLED'
  | 'UNAVAILABLE'
  | 'TIMEOUT'
  | 'ERASED'

/** Where an error happened. Primary keys are not secret: they stand in the table as they are. */
export interface ErrorPlace {
  readonly model?: string | undefined
  readonly field?: string | undefined
  readonly operation?: string | undefined
  readonly primaryKey?: Readonly<Record<string, unknown>> | undefined
}

/**
 * The one error class of prisma-envelope. Neither its message nor its properties ever hold plaintext or key bytes.
 * `cause`, where there is one, is a KMS client's error.
 */
export class EnvelopeError extends Error {
  readonly code: EnvelopeErrorCode
  readonly model: string | undefined
  readonly field: string | undefined
  readonly operation: string | undefined
  readonly primaryKey: Readonly<Record<string, unknown>> | undefined
  /** The message without its place, for {@link EnvelopeError.at}. */
  readonly #reason: string

  constructor(code: EnvelopeErrorCode, reason: string, place: ErrorPlace = {}, cause?: unknown) {
    super(describe(reason, place), cause === undefined ? undefined : { cause })
    this.name = 'EnvelopeError'
    this.code = code
    this.#reason = reason
    this.model = place.model
    this.field = place.field
    this.operation = place.operation
    this.primaryKey = place.primaryKey
  }

  /** The same error with a more precise place; what is known already stays. */
  at(place: ErrorPlace): EnvelopeError {
    return new EnvelopeError(
      this.code,
      this.#reason,
      {
        model: this.model ?? place.model,
        field: this.field ?? place.field,
        operation: this.operation ?? place.operation,
        primaryKey: this.primaryKey ?? place.primaryKey,
      },
      this.cause,
    )
  }
}

function describe(reason: string, { model, field, operation, primaryKey }: ErrorPlace): string {
  const subject = model === undefined ? '' : field === undefined ? model : `${model}.${field}`
  const key =
    primaryKey === undefined
      ? ''
      : ` (${Object.entries(primaryKey)
          .map(([name, value]) => `${name}: ${String(value)}`)
          .join(', ')})`
  const where = operation === undefined ? `${subject}${key}` : `${subject}${key} in ${operation}`
  return where === '' ? reason : `${where.trimStart()}: ${reason}`
}
