import { describe, expect, test } from 'vitest'
import { variant } from '../support/client.ts'
import { createEncryptedClient } from '../support/encrypted-client.ts'

/** Enough on one variant: sharing calls is no matter of Prisma's. */
const READERS = variant === '7' ? 3000 : 300
const ROWS = 50

const { kms, prisma, client } = await createEncryptedClient('costs', { deadline: 60_000 })
const direct = client({ wrap: 'direct' })

await prisma.plain.create({ data: { name: 'warms the pool' } })
await prisma.doctor.createMany({ data: Array.from({ length: ROWS }, (_, i) => ({ id: doctor(i), name: `Doctor ${i}` })) })
await client({ branch: { maxRows: 1 } }).category.createMany({ data: categories(1) })
await direct.category.createMany({ data: categories(ROWS + 1) })

function categories(firstId: number) {
  return Array.from({ length: ROWS }, (_, i) => ({ id: firstId + i, name: `Category ${i}` }))
}

function doctor(i: number): string {
  return `0b3e4e8a-5d5f-4a4e-8d0f-${String(i).padStart(12, '0')}`
}

type Client = ReturnType<typeof client>

/** A client without any key in memory. */
function cold(): Client {
  kms.resetLog()
  return client()
}

/** Readers that come at the same time, each by a query of its own. */
function readers(count: number, read: (i: number) => Promise<{ name: unknown } | null>): Promise<({ name: unknown } | null)[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => read(i % ROWS)))
}

const doctorBy = (db: Client) => (i: number) => db.doctor.findUnique({ where: { id: doctor(i) } })
const categoryBy = (db: Client, firstId: number) => (i: number) => db.category.findUnique({ where: { id: firstId + i } })

describe('cold readers', () => {
  test('of one branch key make one KMS call, however many they are', async () => {
    const rows = await readers(READERS, doctorBy(cold()))
    expect(rows.map((row) => row?.name)).toEqual(Array.from({ length: READERS }, (_, i) => `Doctor ${i % ROWS}`))
    expect(kms.calls).toEqual({ Decrypt: 1 })
  })

  test.each([
    ['branch', 1],
    ['direct', ROWS + 1],
  ])(`of ${ROWS} keys make ${ROWS}, which are in mode %s`, async (_, firstId) => {
    const rows = await readers(READERS, categoryBy(cold(), firstId))
    expect(rows.map((row) => row?.name)).toEqual(Array.from({ length: READERS }, (_, i) => `Category ${i % ROWS}`))
    expect(kms.calls).toEqual({ Decrypt: ROWS })
  })

  test('of one list make a call for each key among its rows', async () => {
    expect(await cold().category.findMany()).toHaveLength(2 * ROWS)
    expect(kms.calls).toEqual({ Decrypt: 2 * ROWS })
    const db = cold()
    await db.doctor.findMany()
    await db.doctor.findMany()
    expect(kms.calls).toEqual({ Decrypt: 1 })
  })

  test('who are refused leave nothing behind: whoever asks later makes a call of their own, which counts for all', async () => {
    const db = cold()
    const mend = kms.faults.inject({ exception: { name: 'AccessDeniedException' } })
    const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => doctorBy(db)(1)))
    mend()
    expect(new Set(outcomes.map((outcome) => outcome.status))).toEqual(new Set(['rejected']))
    // One for who came first, one for all who joined it while it was failing.
    const failed = kms.calls.Decrypt ?? 0
    expect(failed).toBeGreaterThanOrEqual(1)
    kms.resetLog()
    await readers(100, () => doctorBy(db)(1))
    expect(kms.calls).toEqual({ Decrypt: 1 })
  })

  test('who were told of an outage do not tell others', async () => {
    const db = cold()
    kms.faults.inject({ exception: { name: 'AccessDeniedException' }, times: 1 })
    await expect(doctorBy(db)(1)).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    expect(await doctorBy(db)(1)).toMatchObject({ name: 'Doctor 1' })
    expect(kms.calls).toEqual({ Decrypt: 2 })
  })
})

test('rows that one process writes cost one call, and none to read them there', async () => {
  const db = cold()
  const ids = Array.from({ length: 200 }, (_, i) => doctor(1000 + i))
  await db.doctor.createMany({ data: ids.map((id) => ({ id, name: 'Doctor' })) })
  expect(await db.doctor.findMany({ where: { id: { in: ids } } })).toHaveLength(200)
  expect(kms.calls).toEqual({ GenerateDataKey: 1 })
})
