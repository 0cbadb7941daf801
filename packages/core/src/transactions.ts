import { setTimeout as sleep } from 'node:timers/promises'
import type { RowCipher } from './envelope/contract.ts'
import { createRowCipher } from './envelope/index.ts'
import type { KeyService } from './keys/key-service.ts'
import { createKeysAhead, KeysNeeded } from './keys/keys-ahead.ts'
import {
  asErrorOf,
  executePast,
  type HookParams,
  type InternalParams,
  openTransaction,
  type PrismaTransaction,
  queryInstead,
  queryWhole,
  type RootClient,
  runPast,
  schemaOf,
} from './prisma-internals.ts'
import { prismaKeyStoreReader } from './prisma-key-store.ts'
import { holdAccesses } from './rewrite/access.ts'
import { mayStandInForms } from './rewrite/alternatives.ts'
import type { Call } from './rewrite/call.ts'
import type { Input } from './rewrite/input.ts'
import type { Model } from './rewrite/model.ts'
import type { Tools } from './rewrite/rewriting.ts'
import type { HiddenFields } from './rewrite/selection.ts'
import type { Session } from './rewrite/session.ts'
import { asOfPrisma, isWriteConflict } from './statement-errors.ts'
import type { TransactionLocks } from './transaction-locks.ts'

const MAX_ATTEMPTS = 100
const MAX_PAUSE_MS = 50
/** A context may follow a key that the database draws anew at each attempt, or differ from row to row: then the KMS is waited for within. */
const MAX_ATTEMPTS_FOR_KEYS = 20

/** What the calls of one extended client share. */
export interface Surroundings {
  readonly root: RootClient
  readonly keys: KeyService
  readonly tools: Tools
  readonly locks: TransactionLocks
  readonly hidden: HiddenFields
  /** Model of the key store, if there is one. */
  readonly keyStore: string | undefined
  /** Those that read the key store within a caller's transaction. */
  readonly ciphers: WeakMap<PrismaTransaction, RowCipher>
}

/**
 * The same for an operation in a transaction of the caller's: it reads the key store on that transaction's connection, which may be the only one, and adds
 * nothing to it.
 */
export function withinTransaction(surroundings: Surroundings, transaction: PrismaTransaction | undefined): Surroundings {
  const { root, keys, keyStore, locks, ciphers, tools } = surroundings
  if (transaction?.kind !== 'itx' || keyStore === undefined) return surroundings
  let cipher = ciphers.get(transaction)
  if (cipher === undefined) {
    const run = (operation: string, args: Input): Promise<unknown> =>
      locks.together(String(transaction.id), () => untilRun(() => runPast(root, keyStore, operation, args, transaction)))
    cipher = createRowCipher({ keys: keys.within(prismaKeyStoreReader(run)) })
    ciphers.set(transaction, cipher)
  }
  return { ...surroundings, tools: { ...tools, cipher } }
}

/** A hooked operation, as rewriting sees it. */
export function callOf(
  surroundings: Surroundings,
  params: HookParams,
  internal: InternalParams,
  model: Model,
  args: Input,
): Call {
  const { locks, tools, hidden } = surroundings
  const { transaction } = internal
  const session = sessionOf(surroundings, params, internal, transaction, 'caller')
  const query = (rewritten: Input): Promise<unknown> => queryWhole(params, internal, rewritten)
  const common = { model, operation: params.operation, args, hidden, session }
  if (transaction?.kind === 'itx') {
    const id = String(transaction.id)
    return {
      ...common,
      transaction: 'interactive',
      query: (rewritten) => locks.together(id, () => query(rewritten)),
      inTransaction: (work) => locks.alone(id, () => work(session, tools)),
    }
  }
  return {
    ...common,
    transaction: transaction === undefined ? 'none' : 'batch',
    query,
    inTransaction: (work) =>
      inOwnTransaction(surroundings, isolationFor(model, tools), (own, ahead) =>
        work(sessionOf(surroundings, params, internal, own, 'extension'), ahead),
      ),
  }
}

/** Where values stand in several forms, what others have written since a transaction began must be seen, whatever the database's default is. */
function isolationFor(model: Model, tools: Tools): 'ReadCommitted' | undefined {
  return mayStandInForms(model, { tools }) ? 'ReadCommitted' : undefined
}

/** Statements beside a hooked operation, in `transaction`. */
function sessionOf(
  { root, locks, tools }: Surroundings,
  params: HookParams,
  internal: InternalParams,
  transaction: PrismaTransaction | undefined,
  owner: 'caller' | 'extension',
): Session {
  const ran = (run: () => Promise<unknown>): Promise<unknown> =>
    transaction?.kind === 'itx' ? locks.together(String(transaction.id), () => untilRun(run)) : run()
  const execute = async (sql: string, values: readonly unknown[], ofTable?: string): Promise<number> => {
    try {
      return Number(await ran(() => executePast(root, sql, values, transaction)))
    } catch (error) {
      throw asOfPrisma(error, { operation: params.model, table: ofTable }, tools.prisma)
    }
  }
  return {
    run: async (model, operation, args) => {
      try {
        return await ran(() => runPast(root, model.name, operation, args, transaction))
      } catch (error) {
        throw asErrorOf(params.model ?? model.name, error)
      }
    },
    answer: (operation, args) => ran(() => queryInstead(params, internal, operation, args, transaction)),
    schema: schemaOf(root),
    execute: (model, sql, values) => execute(sql, values, model.name),
    abort: async () => {
      // A transaction of the extension's own ends with the error that is on its way.
      if (transaction !== undefined && owner === 'caller') await execute(ABORT, []).catch(() => {})
    },
  }
}

/** PostgreSQL commits no transaction in which a statement failed. */
const ABORT = "DO $$ BEGIN RAISE EXCEPTION 'prisma-envelope: this transaction must be rolled back'; END $$"

/**
 * Prisma sends all operations of one turn of the event loop together where they are of one transaction. Once one fails, the others are never run and
 * yet resolve, with `undefined`, which no operation gives.
 */
async function untilRun(run: () => Promise<unknown>): Promise<unknown> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const result = await run()
    if (result !== undefined) return result
  }
  throw new Error('Prisma Client did not run a statement of this transaction')
}

/**
 * Does `work` in a transaction of its own. What others see is the work of one attempt that nobody disturbed: it is tried again where PostgreSQL could
 * not serialize it, and where it needs a key that is not at hand, which is fetched while no transaction is open.
 */
async function inOwnTransaction<T>(
  surroundings: Surroundings,
  isolationLevel: 'ReadCommitted' | undefined,
  work: (transaction: PrismaTransaction, tools: Tools) => Promise<T>,
): Promise<T> {
  const { root, keys, tools } = surroundings
  const ahead = createKeysAhead(keys)
  const cipher = createRowCipher({ keys: ahead.keys })
  let fetched = 0
  try {
    for (let attempt = 1; ; attempt += 1) {
      const accesses = holdAccesses(tools.accesses)
      try {
        const result = await openTransaction(root, isolationLevel, (transaction) =>
          work(transaction, {
            ...tools,
            cipher: fetched < MAX_ATTEMPTS_FOR_KEYS ? cipher : withinTransaction(surroundings, transaction).tools.cipher,
            accesses,
          }),
        )
        accesses.settle()
        return result
      } catch (error) {
        // Attempts that lacked keys are counted on their own.
        const isUndone = error instanceof KeysNeeded || (attempt < MAX_ATTEMPTS && isWriteConflict(error))
        if (!isUndone) accesses.settle()
        if (attempt >= MAX_ATTEMPTS && !isUndone) throw error
        // Rows that were rolled back can lie in the WAL.
        ahead.sent()
        if (error instanceof KeysNeeded) {
          fetched += 1
          await error.fetch()
        } else if (isWriteConflict(error)) await sleep(Math.random() * Math.min(MAX_PAUSE_MS, 2 ** attempt))
        else throw error
      }
    }
  } finally {
    ahead.release()
  }
}
