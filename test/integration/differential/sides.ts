import type { EnvelopeOptions, ForeignWrite, ModeOption } from 'prisma-envelope'
import { Prisma } from '../../support/client.ts'
import { createTwins, type Nulls } from '../../support/twins.ts'
import { asText } from './compared.ts'
import { MODEL_NAMES, MODELS, type ModelName } from './models.ts'
import type { Operation } from './operations.ts'
import { Null } from './values.ts'

type Call = (args: unknown) => Promise<unknown> & Record<string, () => Promise<unknown>>
export type Delegates = Record<ModelName, Record<string, Call>>

export interface Client extends Delegates {
  $transaction(work: unknown, options?: unknown): Promise<unknown>
}

export interface Side {
  readonly client: Client
  /** Each generated client knows its own only. */
  readonly nulls: Nulls
}

/** The clients of a comparison with plain Prisma. */
export interface Setting {
  /** Modes of clients that take the steps of a history in turn, on one database. */
  readonly clients: readonly ModeOption[]
  /** Who writes the rows that a history begins with: a client of this mode, or one without the extension. */
  readonly starter: ModeOption | 'unextended'
  /** Whether no plaintext may be in the database. */
  readonly hides: boolean
  /** Whether one value may stand in several forms. */
  readonly forms: boolean
  /** Of the encrypted clients. */
  readonly options?: Partial<EnvelopeOptions>
}

/** Encrypted clients on one database, and plain Prisma on tables of its own. */
export async function openSides({ clients, starter, options = {} }: Setting) {
  const { bare, twin, twinNulls, client, sql, twinSql } = await createTwins('differential', { raw: 'allow', ...options })
  const sideOf = (mode: ModeOption): Side => ({ client: seen(client({ mode, onForeignWrite: ignore })), nulls: Prisma })
  const encrypted = clients.map(sideOf)
  const plain: Side = { client: seen(twin), nulls: twinNulls }
  const tables = ['persons', 'Locker', 'Badge', 'Letter', 'Club', 'memberships', '_Friends', 'all_types', 'native_types']
  const sequences = ['Letter_id_seq', 'all_types_id_seq', 'native_types_id_seq']
  const wipe = [
    `TRUNCATE ${tables.map((table) => `"${table}"`).join(', ')}`,
    ...sequences.map((sequence) => `ALTER SEQUENCE "${sequence}" RESTART 1000`),
  ]

  /** Tables as they are before anything has happened. What the sequence gives is never among the ids that a history names. */
  async function empty(): Promise<void> {
    for (const statement of wipe) await Promise.all([sql(statement), twinSql(statement)])
  }

  /** All that the encrypted database holds, as text. */
  async function stored(): Promise<string> {
    const rows = await Promise.all(tables.map((table) => sql<{ row: string }>(`SELECT t::text AS row FROM "${table}" t`)))
    return rows.flatMap((found) => found.map(({ row }) => row)).join('\n')
  }

  return {
    plain,
    starter: starter === 'unextended' ? { client: seen(bare), nulls: Prisma } : sideOf(starter),
    /** Who takes a step. */
    encrypted: (step: number): Side => encrypted[step % encrypted.length] as Side,
    /** Clients that have no key in memory yet. */
    cold: (): readonly Side[] => clients.map(sideOf),
    empty,
    stored,
  }
}

/** No client of a comparison writes to columns past the others. */
function ignore({ model, field }: ForeignWrite): never {
  throw new Error(`a foreign write to ${model}.${field}`)
}

function seen(client: unknown): Client {
  return client as Client
}

export function call(client: Delegates, nulls: Nulls, { model, operation, args, fluent }: Operation): Promise<unknown> {
  const promise = client[model][operation]?.(withNulls(args, nulls))
  if (promise === undefined) throw new Error(`no operation ${operation}`)
  return fluent === undefined ? promise : (promise[fluent]?.() ?? Promise.reject(new Error(`no relation ${fluent}`)))
}

function withNulls(value: unknown, nulls: Nulls): unknown {
  if (value instanceof Null) return nulls[value.name]
  if (Array.isArray(value)) return value.map((item) => withNulls(item, nulls))
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withNulls(inner, nulls)]))
}

/** Everything that a client sees, as text, by model. */
export async function contents({ client }: Side): Promise<ReadonlyMap<string, string>> {
  const read = async (name: string, model: ModelName, args: unknown): Promise<readonly [string, string]> => [
    name,
    asText(await client[model]['findMany']?.(args)),
  ]
  const friends = read('friends', 'person', { select: { id: true, friends: { select: { id: true } } } })
  return new Map(
    await Promise.all([friends, ...MODEL_NAMES.map((model) => read(model, model, { orderBy: MODELS[model].order }))]),
  )
}
