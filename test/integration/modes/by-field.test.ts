import type { ColumnPlan, ModelPlan } from 'prisma-envelope/plan'
import { describe, expect, test } from 'vitest'
import { models } from '../../support/client.ts'
import type { EncryptedClient } from '../../support/encrypted-client.ts'
import { createModes, planUnaware, planWithout } from './rows.ts'

const modes = await createModes('modes_by_field')
const { sql, strict, client } = modes
const bare = modes.bare as unknown as EncryptedClient

let count = 0
const newcomer = (more: object = {}) => {
  const id = `patient${(count += 1)}`
  return {
    id,
    email: `${id}@example.org`,
    ssn: `ssn ${id}`,
    fullName: `${id} Lovelace`,
    notes: `notes of ${id}`,
    ward: 'A',
    ...more,
  }
}

async function stored(id: string) {
  const [row] = await sql<{ fullName: string; notes: string | null; envelope: object | null }>(
    `SELECT "fullName", notes, envelope FROM "Patient" WHERE id = $1`,
    [id],
  )
  if (row === undefined) throw new Error(`there is no ${id}`)
  return row
}

describe('a second field of a model that is strict already', () => {
  const before = client({ models: planWithout('Patient', 'notes') })
  const dual = modes.inMode({ Patient: 'strict', 'Patient.notes': 'dual' })

  test('is taken into the record at the next write, whatever that writes', async () => {
    const data = newcomer()
    await before.patient.create({ data })
    expect(await dual.patient.findUnique({ where: { id: data.id } })).toMatchObject(data)
    await dual.patient.update({ where: { id: data.id }, data: { ssn: 'new' } })
    expect(await stored(data.id)).toMatchObject({ fullName: '*', notes: '*' })
    expect(await strict.patient.findUnique({ where: { id: data.id } })).toMatchObject({ ...data, ssn: 'new' })
  })

  test('does not excuse the other fields: a row without an envelope throws where they are read or written', async () => {
    const data = newcomer()
    await bare.patient.create({ data })
    const where = { id: data.id }
    const refusal = { code: 'PLAINTEXT_FOUND', model: 'Patient', primaryKey: where }
    expect(await dual.patient.findUnique({ where, select: { notes: true } })).toEqual({ notes: data.notes })
    for (const call of [
      () => dual.patient.findUnique({ where }),
      () => dual.patient.findUnique({ where, select: { notes: true, ssn: true } }),
      () => dual.patient.update({ where, data: { notes: 'new' } }),
      () => dual.patient.update({ where, data: { ...data, birthDate: null, history: 1 } }),
      () => dual.patient.updateMany({ where, data: { notes: 'new' } }),
    ]) {
      await expect(call()).rejects.toMatchObject(refusal)
    }
    expect(await stored(data.id)).toMatchObject({ notes: data.notes, envelope: null })
  })

  test('throws for foreign values of the strict fields, and takes those of its own', async () => {
    const data = newcomer()
    await strict.patient.create({ data })
    await sql(`UPDATE "Patient" SET notes = 'foreign' WHERE id = $1`, [data.id])
    expect(await dual.patient.findUnique({ where: { id: data.id } })).toMatchObject({ notes: 'foreign' })
    await sql(`UPDATE "Patient" SET "fullName" = 'foreign' WHERE id = $1`, [data.id])
    const update = dual.patient.update({ where: { id: data.id }, data: { ssn: 'new' } })
    await expect(update).rejects.toMatchObject({ code: 'FOREIGN_WRITE', field: 'fullName' })
  })
})

describe('one field in mode plain, the others in mode dual', () => {
  const mixed = modes.inMode({ Patient: 'dual', 'Patient.notes': 'plain' })

  test('are written each in its way', async () => {
    const data = newcomer()
    await mixed.patient.create({ data })
    expect(await stored(data.id)).toMatchObject({ fullName: '*', notes: data.notes, envelope: expect.any(Object) })
    expect(await mixed.patient.findUnique({ where: { id: data.id } })).toMatchObject(data)
    expect(
      await client({ models: planWithout('Patient', 'notes') }).patient.findUnique({ where: { id: data.id } }),
    ).toMatchObject(data)
  })

  test('come to that at the next write of a row that was sealed whole', async () => {
    const data = newcomer()
    await strict.patient.create({ data })
    await mixed.patient.update({ where: { id: data.id }, data: { ssn: 'new' } })
    expect(await stored(data.id)).toMatchObject({ fullName: '*', notes: data.notes })
    await mixed.patient.update({ where: { id: data.id }, data: { notes: 'new' } })
    expect(await mixed.patient.findUnique({ where: { id: data.id } })).toMatchObject({ ...data, ssn: 'new', notes: 'new' })
  })
})

describe('fields that an older application does not know', () => {
  test.each(['plain', 'dual'] as const)('stay sealed in mode %s, and are read by the newer one', async (mode) => {
    const older = client({ models: planUnaware('Patient', 'notes'), mode })
    const { notes, ...data } = newcomer()
    await strict.patient.create({ data: { ...data, notes } })
    const where = { id: data.id }
    await older.patient.update({ where, data: { ssn: 'first' }, select: { id: true } })
    await older.patient.updateMany({ where, data: { ssn: 'second' } })
    await older.patient.update({ where, data: { id: `${data.id} moved` }, select: { id: true } })
    const moved = { ...data, id: `${data.id} moved`, ssn: 'second' }
    expect(await stored(moved.id)).toMatchObject({
      fullName: mode === 'plain' ? data.fullName : '*',
      notes: '*',
      envelope: expect.any(Object),
    })
    for (const db of [modes.plain, modes.dual]) {
      expect(await db.patient.findUnique({ where: { id: moved.id } })).toMatchObject({ ...moved, notes })
    }
    await modes.plain.patient.update({ where: { id: moved.id }, data: { ssn: 'third' } })
    expect(await stored(moved.id)).toMatchObject({ notes, envelope: null })
  })
})

describe('a value that can not be sealed', () => {
  test('keeps its row from being written in mode dual, and is named', async () => {
    const { id } = await bare.patient.create({ data: newcomer() })
    const fraud = `~abcd.${'A'.repeat(43)}`
    await sql(`UPDATE "Patient" SET ssn = $2 WHERE id = $1`, [id, fraud])
    const before = await stored(id)
    const refusal = { code: 'FOREIGN_WRITE', model: 'Patient', field: 'ssn', primaryKey: { id } }
    const error: unknown = await modes.dual.patient
      .update({ where: { id }, data: { notes: 'new' } })
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject(refusal)
    expect(String(error)).not.toContain(fraud)
    await expect(modes.dual.patient.updateMany({ where: { id }, data: { notes: 'new' } })).rejects.toMatchObject(refusal)
    expect(await stored(id)).toEqual(before)
  })

  test('as its type has no such value any more', async () => {
    const { columns } = models['AllTypes'] as ModelPlan
    const narrowed = { ...columns, moodOpt: { ...(columns['moodOpt'] as ColumnPlan), values: { CALM: 'CALM' } } }
    const plan = { ...models, AllTypes: { ...(models['AllTypes'] as ModelPlan), columns: narrowed } }
    const { id } = await bare.allTypes.create({ data: everyType })
    const update = client({ models: plan, mode: 'dual' }).allTypes.update({ where: { id }, data: { int: 2 } })
    await expect(update).rejects.toMatchObject({ code: 'INVALID_VALUE', model: 'AllTypes', field: 'moodOpt', primaryKey: { id } })
    expect(await bare.allTypes.findUnique({ where: { id } })).toMatchObject({ int: 1, moodOpt: 'SAD' })
  })
})

const everyType = {
  string: 's',
  int: 1,
  bigInt: 1n,
  float: 1,
  decimal: '1',
  boolean: true,
  dateTime: new Date(0),
  json: {},
  bytes: new Uint8Array(),
  mood: 'CALM',
  moodOpt: 'SAD',
} as const

test.each<[string, (db: EncryptedClient) => Promise<unknown>]>([
  ['ENVELOPE_INPUT', (db) => db.patient.create({ data: { ...newcomer(), envelope: {} } as never })],
  ['ENVELOPE_INPUT', (db) => db.patient.updateMany({ data: { envelope: {} } as never })],
  ['UNSUPPORTED', (db) => db.patient.findMany({ where: { fullName: { contains: 'a' } } })],
  ['UNSUPPORTED', (db) => db.patient.findMany({ orderBy: { email: 'asc' } })],
  ['UNSUPPORTED', (db) => db.allTypes.updateMany({ data: { int: { increment: 1 } } })],
  ['UNSUPPORTED', (db) => db.patient.updateMany({ data: { ssn: `~abcd.${'A'.repeat(43)}` } })],
])('mode plain throws %s for what sealed rows could not answer, too', async (code, call) => {
  await expect(call(modes.plain)).rejects.toMatchObject({ code })
})
