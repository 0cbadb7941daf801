import { createTwins } from '../../support/twins.ts'
import { MODEL_NAMES, MODELS, type ModelName } from './models.ts'
import type { Operation } from './operations.ts'

type Call = (args: unknown) => Promise<unknown> & Record<string, () => Promise<unknown>>
export type Delegates = Record<ModelName, Record<string, Call>>

export interface Client extends Delegates {
  $transaction(work: unknown, options?: unknown): Promise<unknown>
}

/** An encrypted client and plain Prisma, each on tables of its own. */
export async function openSides() {
  const { prisma, twin, client, sql, twinSql } = await createTwins('differential', { raw: 'allow' })
  const seen: unknown = { encrypted: prisma, plain: twin }
  const sides = seen as { readonly encrypted: Client; readonly plain: Client }
  const tables = ['persons', 'Locker', 'Badge', 'Letter', 'Club', 'memberships', '_Friends']
  const wipe = `TRUNCATE ${tables.map((table) => `"${table}"`).join(', ')} RESTART IDENTITY; ALTER SEQUENCE "Letter_id_seq" RESTART 1000`

  /** Tables as they are before anything has happened. What the sequence gives is never among the ids that a history names. */
  async function empty(): Promise<void> {
    for (const statement of wipe.split('; ')) await Promise.all([sql(statement), twinSql(statement)])
  }

  /** All that the encrypted database holds, as text. */
  async function stored(): Promise<string> {
    const rows = await Promise.all(tables.map((table) => sql<{ row: string }>(`SELECT t::text AS row FROM "${table}" t`)))
    return rows.flatMap((found) => found.map(({ row }) => row)).join('\n')
  }

  const cold = (): Client => {
    const other: unknown = client({ raw: 'allow' })
    return other as Client
  }
  return { ...sides, cold, empty, stored }
}

export function call(client: Delegates, { model, operation, args, fluent }: Operation): Promise<unknown> {
  const promise = client[model][operation]?.(args)
  if (promise === undefined) throw new Error(`no operation ${operation}`)
  return fluent === undefined ? promise : (promise[fluent]?.() ?? Promise.reject(new Error(`no relation ${fluent}`)))
}

/** Everything that a client sees. */
export async function contents(client: Client): Promise<unknown> {
  const friends = await client.person['findMany']?.({ select: { id: true, friends: { select: { id: true } } } })
  const rows = await Promise.all(MODEL_NAMES.map((model) => findAll(client, model)))
  return [friends, ...rows]
}

async function findAll(client: Client, model: ModelName): Promise<unknown> {
  return client[model]['findMany']?.({ orderBy: MODELS[model].order })
}
