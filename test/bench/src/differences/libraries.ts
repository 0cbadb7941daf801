import type { PrismaClient } from '../../generated/peer/client.ts'
import type { Stand } from '../stand.ts'

/** A client of one of the two libraries, and what can be done to its database behind its back. */
export interface Library {
  readonly client: PrismaClient
  /** Whether the text stands anywhere in the table. */
  stored(model: 'Member' | 'Message', text: string): Promise<boolean>
  /** How many different ciphertexts the members' names are in. */
  ciphertexts(): Promise<number>
  /** @returns the key of a member whose name is not encrypted. */
  insertPlaintext(): Promise<string>
  alterMessages(): Promise<void>
  /** From the member of one name to the member of another. */
  copyCiphertext(from: string, to: string): Promise<void>
  /** Leaves two members with a message each. */
  reset(): Promise<void>
}

export function openLibraries(stand: Stand): { readonly peer: Library; readonly ours: Library } {
  return {
    peer: library(stand, stand.peer, 'Peer', {
      member: 'name',
      message: 'text',
      replaced: (column, value) => `${column} = ${value}`,
    }),
    ours: library(stand, stand.sealed() as unknown as PrismaClient, 'Sealed', {
      member: `envelope ->> 'ct'`,
      message: `envelope ->> 'ct'`,
      replaced: (_, value) => `envelope = jsonb_set(envelope, '{ct}', to_jsonb(${value}))`,
    }),
  }
}

/** Where ciphertext stands, as SQL. */
interface Storage {
  readonly member: string
  readonly message: string
  readonly replaced: (column: string, value: string) => string
}

function library(stand: Stand, client: PrismaClient, prefix: 'Peer' | 'Sealed', storage: Storage): Library {
  const table = { Member: `"${prefix}Member"`, Message: `"${prefix}Message"` }
  const query = async <Row>(sql: string): Promise<Row | undefined> => (await stand.plain.$queryRawUnsafe<Row[]>(sql))[0]
  return {
    client,
    stored: async (model, text) => {
      const sql = `SELECT 1 FROM ${table[model]} t WHERE position('${text}' in t::text) > 0`
      return (await query(sql)) !== undefined
    },
    ciphertexts: async () => {
      const found = await query<{ n: number }>(`SELECT count(DISTINCT ${storage.member})::int AS n FROM ${table.Member}`)
      return found?.n ?? 0
    },
    insertPlaintext: async () => {
      await stand.execute(`INSERT INTO ${table.Member} (id, name) VALUES ('unencrypted', 'plaintext')`)
      return 'unencrypted'
    },
    alterMessages: async () => {
      const { message: at } = storage
      // One character in the middle becomes another one of the same alphabet.
      const altered = `overlay(${at} placing CASE WHEN substr(${at}, 42, 1) = 'A' THEN 'B' ELSE 'A' END from 42 for 1)`
      await stand.execute(`UPDATE ${table.Message} SET ${storage.replaced('text', altered)}`)
    },
    copyCiphertext: async (from, to) => {
      const members = await client.member.findMany({ select: { id: true, name: true } })
      const id = (name: string) => members.find((member) => member.name === name)?.id ?? ''
      const column = prefix === 'Peer' ? 'name' : 'envelope'
      const source = `(SELECT ${column} FROM ${table.Member} WHERE id = '${id(from)}')`
      await stand.execute(`UPDATE ${table.Member} SET ${column} = ${source} WHERE id = '${id(to)}'`)
    },
    reset: async () => {
      await stand.execute(`TRUNCATE ${table.Member}, ${table.Message}`)
      for (const [name, email] of [
        ['Ada', 'ada@x.org'],
        ['Bob', 'bob@x.org'],
      ] as const) {
        await client.member.create({ data: { name, email, tags: ['a-secret-tag'], messages: { create: { text: 'a message' } } } })
      }
    },
  }
}
