import type { ModeOption } from 'prisma-envelope'
import { describe, expect, test } from 'vitest'
import { createBareClient, type EncryptedClient, extend } from '../../support/encrypted-client.ts'
import { createModes, select } from './rows.ts'

const modes = await createModes('modes_racing')
const { database, keys, indexKey, strict, sql } = modes
const bare = createBareClient(database, 12)
const racing = (mode: ModeOption): EncryptedClient => extend(bare, { keys, indexKey, mode, onForeignWrite: () => {} })
const unextended = bare as unknown as EncryptedClient

type Field = 'email' | 'ssn' | 'fullName' | 'notes'
type Write = (db: EncryptedClient, id: string, data: Partial<Record<Field, string>>) => Promise<unknown>

const byUpdate: Write = (db, id, data) => db.patient.update({ where: { id }, data })
const byUpdateMany: Write = (db, id, data) => db.patient.updateMany({ where: { id }, data })
const byUpsert: Write = (db, id, data) =>
  db.patient.upsert({ where: { id }, create: { email: '', fullName: '', ward: '' }, update: data })
const inTransaction: Write = (db, id, data) =>
  db.$transaction((tx) => tx.patient.update({ where: { id }, data }), { maxWait: 60_000, timeout: 60_000 })

/** Writers of one row, each with fields of its own. */
const crews: Readonly<Record<string, readonly (readonly [EncryptedClient, Field, Write])[]>> = {
  'dual, plain and one without the extension': [
    [racing('dual'), 'email', byUpdate],
    [racing('plain'), 'ssn', byUpdate],
    [unextended, 'fullName', byUpdate],
    [racing('dual'), 'notes', byUpdateMany],
  ],
  'two dual and two without the extension': [
    [racing('dual'), 'email', byUpsert],
    [unextended, 'ssn', byUpdateMany],
    [unextended, 'fullName', byUpdate],
    [racing('dual'), 'notes', inTransaction],
  ],
  'two plain and two dual': [
    [racing('plain'), 'email', byUpdateMany],
    [racing('plain'), 'ssn', inTransaction],
    [racing('dual'), 'fullName', byUpdate],
    [racing('dual'), 'notes', byUpdate],
  ],
  'modes that differ by field': [
    [racing({ Patient: 'dual', 'Patient.notes': 'plain' }), 'email', byUpdate],
    [racing({ Patient: 'plain', 'Patient.notes': 'dual' }), 'ssn', byUpdate],
    [unextended, 'fullName', byUpdate],
    [racing('dual'), 'notes', byUpdate],
  ],
  'dual and strict, once rows are moved': [
    [racing('dual'), 'email', byUpdate],
    [strict, 'ssn', byUpdate],
    [racing('dual'), 'fullName', byUpdateMany],
    [strict, 'notes', byUpdateMany],
  ],
}

const ROUNDS = 25

describe.each(Object.entries(crews))('writers that race for one row, %s,', (name, crew) => {
  test.each(['without an envelope', 'sealed'])('which begins %s: no acknowledged value is lost', async (kind) => {
    const id = `${name} ${kind}`
    const begins = kind === 'sealed' || name.includes('strict') ? strict : unextended
    await begins.patient.create({ data: { id, email: id, ssn: '', fullName: '', notes: '', ward: '' } })
    await Promise.all(
      crew.map(async ([db, field, write]) => {
        for (let round = 1; round <= ROUNDS; round += 1) {
          const value = `${field} ${round} of ${id}`
          await write(db, id, { [field]: value })
          const seen = await racing('dual').patient.findUnique({ where: { id }, select })
          expect(seen?.[field]).toBe(value)
        }
      }),
    )
    const last = Object.fromEntries(crew.map(([, field]) => [field, `${field} ${ROUNDS} of ${id}`]))
    for (const mode of ['plain', 'dual'] as const) {
      expect(await modes.inMode(mode).patient.findUnique({ where: { id } })).toMatchObject(last)
    }
    await modes.dual.patient.update({ where: { id }, data: { birthDate: null } })
    expect(await strict.patient.findUnique({ where: { id } })).toMatchObject(last)
  })
})

test('a foreign write between the read and the write of a partial update stays, and counts as newer', async () => {
  const id = 'between'
  await strict.patient.create({ data: { id, email: id, ssn: 'old', fullName: 'old', notes: 'old', ward: '' } })
  // Applied later, it stands between the extension and the database.
  const late = racing('dual').$extends({ query: { $allOperations: interrupt } })
  await late.patient.update({ where: { id }, data: { ssn: 'new' } })
  expect(await modes.dual.patient.findUnique({ where: { id } })).toMatchObject({ ssn: 'new', fullName: 'foreign', notes: 'old' })
  await modes.dual.patient.update({ where: { id }, data: { notes: 'new' } })
  expect(await strict.patient.findUnique({ where: { id } })).toMatchObject({ ssn: 'new', fullName: 'foreign', notes: 'new' })

  async function interrupt({
    operation,
    args,
    query,
  }: {
    operation: string
    args: unknown
    query: (args: unknown) => Promise<unknown>
  }) {
    if (operation === 'update') await sql(`UPDATE "Patient" SET "fullName" = 'foreign' WHERE id = $1`, [id])
    return query(args)
  }
})

test.each(['dual', 'plain'] as const)(
  'a change of the scope of a token in mode %s loses no foreign value that comes at the same time',
  async (mode) => {
    const id = `scoped ${mode}`
    const tenants = [await strict.tenant.create({ data: { name: 'a' } }), await strict.tenant.create({ data: { name: 'b' } })]
    const scopes = tenants.map((tenant) => tenant.id)
    await strict.member.create({ data: { id, tenantId: scopes[0] ?? 0, email: 'start' } })
    const db = racing(mode)
    const moving = async (): Promise<void> => {
      for (let round = 1; round <= ROUNDS; round += 1) {
        await db.member.update({ where: { id }, data: { tenantId: scopes[round % 2] ?? 0 } })
      }
    }
    const writing = async (): Promise<void> => {
      for (let round = 1; round <= ROUNDS; round += 1) {
        await unextended.member.update({ where: { id }, data: { email: `email ${round}` } })
      }
    }
    await Promise.all([moving(), writing()])
    expect(await modes.dual.member.findUnique({ where: { id } })).toMatchObject({
      tenantId: scopes[ROUNDS % 2],
      email: `email ${ROUNDS}`,
    })
  },
)
