import assert from 'node:assert/strict'
import type { Prisma, PrismaClient } from '../generated/client/client.ts'
import { identified, identifiedLetters, MARK } from './rows.ts'
import type { Stand } from './stand.ts'

export type Side = 'plain' | 'encrypted' | 'peer'

/** A client under test. Its models differ from the plain ones in their names alone, so that one piece of code runs on every side. */
export interface Subject {
  readonly people: PrismaClient['plain']
  readonly letters: PrismaClient['plainLetter']
  /** A model without encrypted fields. */
  readonly unencrypted: PrismaClient['plain']
  readonly transaction: (operations: readonly Prisma.PrismaPromise<unknown>[]) => Promise<unknown[]>
}

export type Subjects = Readonly<Record<Side, Subject>>

const TABLES: Readonly<Record<Side, readonly string[]>> = {
  plain: ['Plain', 'PlainLetter'],
  encrypted: ['Sealed', 'SealedLetter'],
  peer: ['Peer', 'PeerLetter'],
}

export function openSubjects(stand: Stand): Subjects {
  const { plain, peer } = stand
  const sealed = stand.sealed()
  return {
    plain: subject(plain, plain.plain, plain.plainLetter),
    encrypted: subject(sealed, sealed.sealed, sealed.sealedLetter),
    peer: subject(peer, peer.peer, peer.peerLetter),
  }
}

function subject(client: { plain: unknown; $transaction: unknown }, people: unknown, letters: unknown): Subject {
  return {
    people: people as Subject['people'],
    letters: letters as Subject['letters'],
    unencrypted: client.plain as Subject['people'],
    transaction: (operations) => (client.$transaction as Subject['transaction'])([...operations]),
  }
}

export async function empty(stand: Stand): Promise<void> {
  await stand.execute(`TRUNCATE ${Object.values(TABLES).flat().map(quoted).join(', ')}`)
}

/** Gives each side the same 1,000 rows with a letter each. */
export async function refill(stand: Stand, subjects: Subjects): Promise<void> {
  await empty(stand)
  for (const { people, letters } of Object.values(subjects)) {
    await people.createMany({ data: identified(1000) })
    await letters.createMany({ data: identifiedLetters(1000) })
  }
  await stand.execute('ANALYZE')
}

/** Fails where an encrypted table shows plaintext, or where a plain one, which must, does not. */
export async function assertEncrypted(stand: Stand): Promise<void> {
  for (const [side, tables] of Object.entries(TABLES)) {
    for (const table of tables) {
      const [{ all, legible } = { all: 0, legible: 0 }] = await stand.plain.$queryRawUnsafe<{ all: number; legible: number }[]>(
        `SELECT count(*)::int AS all, count(*) FILTER (WHERE t::text LIKE '%${MARK}%')::int AS legible FROM ${quoted(table)} t`,
      )
      assert.equal(legible, side === 'plain' ? all : 0, `${table}: ${legible} of ${all} rows show plaintext`)
    }
  }
}

/** Bytes of a row as PostgreSQL holds it, indexes aside. */
export async function weighRows(stand: Stand): Promise<Readonly<Record<Side, number>>> {
  await refill(stand, openSubjects(stand))
  const weigh = async (side: Side) => {
    const sql = `SELECT avg(pg_column_size(t.*))::int AS bytes FROM ${quoted(TABLES[side][0] ?? '')} t`
    const [{ bytes } = { bytes: 0 }] = await stand.plain.$queryRawUnsafe<{ bytes: number }[]>(sql)
    return bytes
  }
  return { plain: await weigh('plain'), encrypted: await weigh('encrypted'), peer: await weigh('peer') }
}

function quoted(table: string): string {
  return `"${table}"`
}
