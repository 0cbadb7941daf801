import { expect, test } from 'vitest'
import { keyStore } from '../../support/client.ts'
import { createEncryptedClient, type EncryptedClient } from '../../support/encrypted-client.ts'

const { client, sql, kms } = await createEncryptedClient('key_store_costs', {
  keyStore,
  deadline: 60_000,
  kms: { attemptTimeout: 60_000 },
})

const PROCESSES = 60
const PAGE = 50
/** Days on which they write. */
const DAYS = [0, 6, 12, 18, 24]
const WRITERS = 8

function calls(): number {
  return Object.values(kms.calls).reduce((sum: number, each) => sum + (each ?? 0), 0)
}

let count = 0
async function write(db: EncryptedClient): Promise<void> {
  count += 1
  await db.person.create({ data: { id: `p${count}`, email: `p${count}@example.org`, name: `name ${count}` } })
}

test('a process that writes a row and reads a page of 50 makes two KMS calls, however many there are', async () => {
  const each: number[] = []
  for (let process = 0; process < PROCESSES; process++) {
    const before = calls()
    const db = client()
    await write(db)
    const page = await db.person.findMany({ orderBy: { rank: 'asc' }, take: PAGE })
    expect(page).toHaveLength(Math.min(PAGE, process + 1))
    each.push(calls() - before)
  }
  // The index key, and the one branch key of all: the first process makes it, the others unwrap it.
  expect(new Set(each)).toEqual(new Set([2]))
  expect(await sql('SELECT id FROM envelope_keys')).toHaveLength(1)
})

test('rows that 8 processes have written in 30 days are read cold by two calls', async () => {
  await sql('DELETE FROM persons')
  await sql('DELETE FROM envelope_keys')
  for (const _ of DAYS) {
    await Promise.all(Array.from({ length: WRITERS }, () => write(client())))
    await sql(`UPDATE envelope_keys SET created_at = created_at - interval '6 days'`)
  }
  // The key of day 0 is as old as `rotateAfter` now.
  await write(client())
  kms.resetLog()
  expect(await client().person.findMany({ select: { name: true } })).toHaveLength(DAYS.length * WRITERS + 1)
  expect(kms.calls.Decrypt).toBe(2)
  expect(calls()).toBe(2)
})

test('3,000 readers at the same time make 50 calls for 50 keys', async () => {
  const tenants = Array.from({ length: 50 }, (_, i) => `tenant ${i}`)
  const writer = client({ context: (_, { settings }) => settings })
  for (const tenant of tenants) await write(writer.$envelope({ tenant }))
  const rows = await sql<{ id: string }>(`SELECT id FROM persons WHERE sealed_envelope ? 'ctx'`)
  expect(rows).toHaveLength(tenants.length)
  const cold = client()
  kms.resetLog()
  const found = await Promise.all(
    Array.from({ length: 3000 }, (_, i) =>
      cold.person.findUnique({ where: { id: rows[i % rows.length]?.id ?? '' }, select: { name: true } }),
    ),
  )
  expect(found.every((person) => person?.name.startsWith('name '))).toBe(true)
  expect(kms.calls).toEqual({ Decrypt: tenants.length })
  await sql(`DELETE FROM persons WHERE sealed_envelope ? 'ctx'`)
})

test('3,000 readers at the same time make one call for one key', async () => {
  const cold = client()
  kms.resetLog()
  const [row] = await sql<{ id: string }>('SELECT id FROM persons LIMIT 1')
  const found = await Promise.all(
    Array.from({ length: 3000 }, () => cold.person.findUnique({ where: { id: row?.id ?? '' }, select: { name: true } })),
  )
  expect(found.every((person) => person?.name.startsWith('name '))).toBe(true)
  expect(calls()).toBe(1)
})
