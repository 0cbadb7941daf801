import { beforeEach, describe, expect, test } from 'vitest'
import { createEncryptedClient, type EncryptedClient } from '../support/encrypted-client.ts'
import { seedHospital } from '../support/hospital.ts'

const { client, sql } = await createEncryptedClient('guarded-modes')

beforeEach(async () => {
  await sql('TRUNCATE "Patient", "Doctor", "Tag", "Tenant", "Category", "Contact", "Plain", all_types RESTART IDENTITY CASCADE')
})

const data = { email: 'new@example.org', fullName: 'New', ward: 'A' }
const all = { string: 'a', int: 1, bigInt: 1n, float: 1, decimal: 1, boolean: true, json: [], bytes: new Uint8Array([1]) }

const writes: [string, (db: EncryptedClient) => Promise<unknown>][] = [
  ['create', (db) => db.patient.create({ data })],
  [
    'create of every type',
    (db) => db.allTypes.create({ data: { ...all, dateTime: new Date(), mood: 'SAD', stringList: ['a'] } }),
  ],
  ['createMany', (db) => db.patient.createMany({ data: [data, { ...data, email: 'other@example.org', notes: 'x' }] })],
  ['update of some fields', (db) => db.patient.update({ where: { id: 'ada' }, data: { notes: 'seen', history: [1] } })],
  ['update to null', (db) => db.patient.update({ where: { id: 'ada' }, data: { ssn: null, notes: null } })],
  ['update of what rows are bound to', (db) => db.patient.update({ where: { id: 'ada' }, data: { id: 'lovelace' } })],
  ['updateMany of some fields', (db) => db.patient.updateMany({ data: { notes: 'all' } })],
  ['updateMany of what is not encrypted', (db) => db.patient.updateMany({ data: { ward: 'Z' } })],
  ['upsert of a new row', (db) => db.patient.upsert({ where: { email: 'new@example.org' }, create: data, update: {} })],
  ['upsert of a row', (db) => db.patient.upsert({ where: { id: 'ada' }, create: data, update: { fullName: 'Ada King' } })],
  [
    'nested writes',
    (db) =>
      db.patient.update({
        where: { id: 'ada' },
        data: {
          doctor: { create: { name: 'New' } },
          profile: { upsert: { create: { phone: '1' }, update: { phone: '2' } } },
          conditions: { create: [{ code: 'X1', description: 'new' }], updateMany: { where: {}, data: { description: 'old' } } },
        },
      }),
  ],
  ['delete', (db) => db.patient.delete({ where: { id: 'ada' } })],
]

describe.each(['strict', 'dual'] as const)('mode `%s`', (mode) => {
  const db = client({ mode })

  test.each(writes)('writes nothing that the guards refuse: %s', async (_what, write) => {
    await seedHospital(db)
    await write(db)
    for (const row of await db.patient.findMany({ include: { conditions: true, profile: true, doctor: true } }))
      expect(row.fullName).not.toBe('*')
  })
})

test('mode `plain` has its writes of encrypted fields refused: the guards have to go first', async () => {
  const plain = client({ mode: 'plain' })
  await expect(plain.patient.create({ data })).rejects.toThrow(/envelope_guard_Patient_/)
  expect(await sql('SELECT FROM "Patient"')).toEqual([])
})
