import { describe, expect, test } from 'vitest'
import type { EncryptedClient } from '../../support/encrypted-client.ts'
import { createModes, kinds, type Patient, select } from './rows.ts'

const modes = await createModes('modes_writing')
const { bare, strict, sql } = modes

type Write = (db: EncryptedClient, id: string) => Promise<unknown>

const whole = (id: string) => ({
  email: `${id}@whole.org`,
  ssn: null,
  fullName: 'Whole',
  birthDate: new Date('2000-01-01T00:00:00.000Z'),
  history: [1],
  notes: 'whole',
})
const named = { fullName: 'Named' }
// With a blank, so that no base64 holds it by chance.
const noted = { ssn: 'new ssn', notes: null }
const hasNamed = () => named
const hasNoted = () => noted

/** What each operation makes of a patient, whatever kind of row it was. */
const writes: Readonly<Record<string, readonly [Write, (id: string) => Partial<Patient>]>> = {
  'an update of one field': [(db, id) => db.patient.update({ where: { id }, data: named }), hasNamed],
  'an update of two fields, one of them to NULL': [(db, id) => db.patient.update({ where: { id }, data: noted }), hasNoted],
  'an update of all fields': [(db, id) => db.patient.update({ where: { id }, data: whole(id) }), whole],
  'an update beside nested writes': [
    (db, id) =>
      db.patient.update({
        where: { id },
        data: { ...named, ward: 'B2', profile: { update: { bio: 'new' } }, conditions: { deleteMany: {} } },
      }),
    () => ({ ...named, ward: 'B2' }),
  ],
  'a nested update': [
    (db, id) => db.profile.update({ where: { patientId: id }, data: { patient: { update: noted } } }),
    hasNoted,
  ],
  'an updateMany': [(db, id) => db.patient.updateMany({ where: { id }, data: noted }), hasNoted],
  'an updateManyAndReturn of all fields': [(db, id) => db.patient.updateManyAndReturn({ where: { id }, data: whole(id) }), whole],
  'an upsert': [
    (db, id) => db.patient.upsert({ where: { id }, create: { email: '', fullName: '', ward: '' }, update: named }),
    hasNamed,
  ],
  'an update in an interactive transaction': [
    (db, id) => db.$transaction((tx) => tx.patient.update({ where: { id }, data: noted })),
    hasNoted,
  ],
  'updates in an array': [
    (db, id) =>
      db.$transaction([
        db.patient.update({ where: { id }, data: named }),
        db.patient.update({ where: { id }, data: { notes: null } }),
      ]),
    () => ({ ...named, notes: null }),
  ],
}

let count = 0
const nextId = (): string => `patient${(count += 1)}`

const read = (db: EncryptedClient, id: string): Promise<unknown> => db.patient.findUnique({ where: { id }, select })

async function envelopeOf(id: string): Promise<unknown> {
  const [row] = await sql<{ envelope: unknown }>(`SELECT envelope FROM "Patient" WHERE id = $1`, [id])
  return row?.envelope
}

describe.each(Object.entries(kinds))('a row %s', (_, make) => {
  test.each(['plain', 'dual'] as const)('is read in mode %s as what it holds', async (mode) => {
    const id = nextId()
    const patient = await make(modes, id)
    expect(await read(modes[mode], id)).toEqual(patient)
    expect(await modes.inMode(mode).patient.findMany({ where: { id: { in: [id] } }, select })).toEqual([patient])
  })

  test.each(Object.entries(writes))('is sealed in mode dual by %s, and loses nothing', async (_title, [write, changes]) => {
    const id = nextId()
    const expected = { ...(await make(modes, id)), ...changes(id) }
    await write(modes.dual, id)
    for (const db of [modes.inMode('dual'), modes.plain, strict]) expect(await read(db, id)).toEqual(expected)
    const [{ row } = { row: '' }] = await sql<{ row: string }>(`SELECT p::text AS row FROM "Patient" p WHERE id = $1`, [id])
    const values = [expected.fullName, expected.ssn, expected.notes].filter((value) => value !== null)
    for (const value of values) expect(row).not.toContain(value)
  })

  test.each(Object.entries(writes))(
    'is plaintext in mode plain after %s, and loses nothing',
    async (_title, [write, changes]) => {
      const id = nextId()
      const expected = { ...(await make(modes, id)), ...changes(id) }
      await write(modes.plain, id)
      for (const db of [modes.dual, modes.inMode('plain'), bare as unknown as EncryptedClient]) {
        expect(await read(db, id)).toEqual(expected)
      }
      expect(await envelopeOf(id)).toBeNull()
    },
  )

  test.each(['plain', 'dual'] as const)('stays as it is where mode %s writes no encrypted field', async (mode) => {
    const id = nextId()
    const patient = await make(modes, id)
    const before = await envelopeOf(id)
    const updated = await modes[mode].patient.update({ where: { id }, data: { ward: 'C3' }, select })
    expect(updated).toEqual({ ...patient, ward: 'C3' })
    expect(await envelopeOf(id)).toEqual(before)
  })

  test.each(['plain', 'dual'] as const)('goes on being read in mode %s by rows that were bound to its key', async (mode) => {
    const id = nextId()
    const patient = await make(modes, id)
    const db = modes[mode]
    const conditions = await db.condition.findMany({ where: { patientId: id } })
    await db.patient.update({ where: { id }, data: { id: `${id} moved` } })
    expect(await read(db, `${id} moved`)).toEqual({ ...patient, id: `${id} moved` })
    const moved = { ...conditions[0], patientId: `${id} moved` }
    const reader = mode === 'plain' ? (bare as unknown as EncryptedClient) : strict
    expect(await reader.condition.findMany({ where: { patientId: `${id} moved` } })).toEqual([moved])
    expect(await reader.profile.findUnique({ where: { patientId: `${id} moved` } })).toMatchObject({ bio: `bio of ${id}` })
  })

  test.each(['plain', 'dual'] as const)('is deleted in mode %s as what it was', async (mode) => {
    const id = nextId()
    const patient = await make(modes, id)
    expect(await modes[mode].patient.delete({ where: { id }, select })).toEqual(patient)
  })
})
