import { expect, test } from 'vitest'
import { keyStore } from '../support/client.ts'
import { createEncryptedClient } from '../support/encrypted-client.ts'
import { size } from './size.ts'

const PROCESSES = size({ full: 5_000, small: 200 })
const PAGE = 50
const AT_A_TIME = 5

const { client, sql, kms } = await createEncryptedClient('one_request', {
  keyStore,
  deadline: 60_000,
  kms: { attemptTimeout: 60_000 },
})

/** A function or a job: it begins with nothing in memory, writes a row, reads a page, and ends. Connections are shared, as by a pooler. */
async function oneRequest(id: string): Promise<number> {
  const db = client()
  await db.person.create({ data: { id, email: `${id}@example.org`, name: `name ${id}` } })
  const page = await db.person.findMany({ orderBy: { rank: 'desc' }, take: PAGE })
  expect(page.length).toBeGreaterThan(0)
  expect(page.filter(({ id: read, name }) => name !== `name ${read}`)).toEqual([])
  const { generateDataKey, unwrap, wrap } = db.$envelope.stats().kmsCalls
  return generateDataKey + unwrap + wrap
}

test(`${PROCESSES} processes of one request make two KMS calls each, index key included`, async () => {
  // The first one makes the branch key of all, so that the others need not race for it.
  const calls = [await oneRequest('p0')]
  const others = Array.from({ length: PROCESSES - 1 }, (_, i) => `p${i + 1}`).values()
  const work = async (): Promise<void> => {
    for (const id of others) calls.push(await oneRequest(id))
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, work))
  expect(calls).toHaveLength(PROCESSES)
  expect(new Set(calls)).toEqual(new Set([2]))
  expect(Object.values(kms.calls).reduce((sum, n) => sum + n, 0)).toBe(2 * PROCESSES)
  expect(await sql('SELECT id FROM envelope_keys')).toHaveLength(1)
})
