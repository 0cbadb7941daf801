import type { EnvelopeOptions } from 'prisma-envelope'
import { beforeEach, expect, test } from 'vitest'
import { keyStore } from '../support/client.ts'
import { createEncryptedClient } from '../support/encrypted-client.ts'
import { size } from './size.ts'

const PROCESSES = size({ full: 5_000, small: 200 })
const PAGE = 50
const AT_A_TIME = 5

/** Of the modes without a key store, where each of them makes a key of its own. */
const OTHERS = size({ full: 500, small: 70 })

const { client, sql, kms } = await createEncryptedClient('one_request', {
  keyStore,
  deadline: 60_000,
  kms: { attemptTimeout: 60_000 },
})

beforeEach(async () => {
  await sql('DELETE FROM persons')
  kms.resetLog()
})

/** A function or a job: it begins with nothing in memory, writes a row, reads the latest page, and ends. Connections are shared, as by a pooler. */
async function oneRequest(n: number, options: Partial<EnvelopeOptions> = {}): Promise<number> {
  const db = client(options)
  const id = `p${n}`
  await db.person.create({ data: { id, email: `${id}@example.org`, name: `name ${id}`, rank: n } })
  const page = await db.person.findMany({ orderBy: { rank: 'desc' }, take: PAGE })
  expect(page.length).toBeGreaterThan(0)
  expect(page.filter(({ id: read, name }) => name !== `name ${read}`)).toEqual([])
  const { generateDataKey, unwrap, wrap } = db.$envelope.stats().kmsCalls
  return generateDataKey + unwrap + wrap
}

const callsInAll = (): number => Object.values(kms.calls).reduce((sum, n) => sum + n, 0)

test(`${PROCESSES} processes of one request make two KMS calls each, index key included`, async () => {
  // The first one makes the branch key of all, so that the others need not race for it.
  const calls = [await oneRequest(0)]
  const others = Array.from({ length: PROCESSES - 1 }, (_, i) => i + 1).values()
  const work = async (): Promise<void> => {
    for (const n of others) calls.push(await oneRequest(n))
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, work))
  expect(calls).toHaveLength(PROCESSES)
  expect(new Set(calls)).toEqual(new Set([2]))
  expect(callsInAll()).toBe(2 * PROCESSES)
  expect(await sql('SELECT id FROM envelope_keys')).toHaveLength(1)
})

test.each(['branch', 'direct'] as const)(
  `${OTHERS} of them make two and one more for each other row of the page, in mode %s`,
  async (wrap) => {
    const calls: number[] = []
    for (let n = 0; n < OTHERS; n++) calls.push(await oneRequest(n, { wrap }))
    expect(calls).toEqual(Array.from({ length: OTHERS }, (_, n) => 2 + Math.min(n, PAGE - 1)))
    expect(callsInAll()).toBe(calls.reduce((sum, each) => sum + each, 0))
  },
)
