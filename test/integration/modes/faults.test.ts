import type { Fault } from '@prisma-envelope/local-kms'
import { afterEach, describe, expect, test } from 'vitest'
import { type EncryptedClient, extend } from '../../support/encrypted-client.ts'
import { createLoggedClient } from '../../support/query-log.ts'
import { expectRefusal } from '../../support/refused.ts'
import { createModes, kinds, select } from './rows.ts'

const modes = await createModes('modes_faults')
const { database, keys, indexKey, kms, sql, strict } = modes
const unextended = modes.bare as unknown as EncryptedClient

afterEach(() => kms.faults.clear())

type Write = (db: EncryptedClient, id: string) => Promise<unknown>

const writes: Readonly<Record<string, Write>> = {
  'an update': (db, id) => db.patient.update({ where: { id }, data: { notes: 'new' } }),
  'an update of all fields': (db, id) =>
    db.patient.update({
      where: { id },
      data: { email: id, ssn: null, fullName: 'new', birthDate: null, history: 1, notes: 'new' },
    }),
  'an updateMany': (db, id) => db.patient.updateMany({ where: { id }, data: { notes: 'new' } }),
  'a nested update': (db, id) =>
    db.profile.update({ where: { patientId: id }, data: { theme: 'dark', patient: { update: { notes: 'new' } } } }),
  'a change of its key': (db, id) => db.patient.update({ where: { id }, data: { id: `${id} moved` } }),
  'an array': (db, id) =>
    db.$transaction([
      db.patient.update({ where: { id }, data: { ward: 'new' } }),
      db.patient.update({ where: { id }, data: { notes: 'new' } }),
    ]),
}

let count = 0
const nextId = () => `patient${(count += 1)}`
const UNEVEN = ['without an envelope', 'sealed', 'sealed, with foreign values'] as const

describe.each(UNEVEN)('a row %s', (kind) => {
  const make = kinds[kind]
  if (make === undefined) throw new Error(`there is no kind ${kind}`)

  test.each(Object.entries(writes))('stays as it is where the KMS fails in the middle of %s in mode dual', async (_, write) => {
    const id = nextId()
    await make(modes, id)
    const fault: Fault = { status5xx: 503, times: 50 }
    // It has the keys that open rows by then, and none to seal them with.
    const cold = modes.inMode('dual', { kms: { maxAttempts: 1, breaker: { failures: Infinity } } })
    await cold.patient.findUnique({ where: { id }, include: { conditions: true, profile: true } })
    kms.faults.inject(fault)
    await expectRefusal(sql, () => write(cold, id), { code: 'UNAVAILABLE' })
    kms.faults.clear()
    await write(cold, id)
  })

  test.each(['plain', 'dual'] as const)('stays as it is where a transaction in mode %s is rolled back', async (mode) => {
    const id = nextId()
    const patient = await make(modes, id)
    const rollBack = new Error('roll back')
    const work = modes[mode].$transaction(async (tx) => {
      for (const write of [
        writes['an update'],
        writes['an updateMany'],
        writes['a nested update'],
        writes['a change of its key'],
      ]) {
        await write?.(tx as EncryptedClient, id)
      }
      expect(await tx.patient.findUnique({ where: { id: `${id} moved` } })).toMatchObject({ notes: 'new' })
      throw rollBack
    })
    await expect(work).rejects.toBe(rollBack)
    expect(await modes[mode].patient.findUnique({ where: { id }, select })).toEqual(patient)
  })

  test.each(['plain', 'dual'] as const)('is written all or nothing by an array in mode %s', async (mode) => {
    const id = nextId()
    const patient = await make(modes, id)
    const db = modes[mode]
    const work = db.$transaction([
      db.patient.update({ where: { id }, data: { notes: 'new' } }),
      db.patient.create({ data: { id, email: `again ${id}`, fullName: '', ward: '' } }),
    ])
    await expect(work).rejects.toMatchObject({ code: 'P2002' })
    expect(await db.patient.findUnique({ where: { id }, select })).toEqual(patient)
  })
})

describe('statements', () => {
  const { bare, during } = createLoggedClient(database)
  const logged = (mode: 'plain' | 'dual') => extend(bare, { keys, indexKey, mode })
  const whole = { ssn: null, fullName: 'new', birthDate: null, history: 1, notes: 'new' }

  test.each<[string, 'plain' | 'dual', number, (db: EncryptedClient, id: string) => Promise<unknown>]>([
    ['a read', 'dual', 1, (db, id) => db.patient.findUnique({ where: { id } })],
    ['a read', 'plain', 1, (db, id) => db.patient.findUnique({ where: { id } })],
    ['an update of some fields', 'plain', 1, (db, id) => db.patient.update({ where: { id }, data: { notes: 'new' } })],
    // Others may have the unique value in another form: that takes a transaction, a lock and a look.
    ['an update of a unique field', 'dual', 11, (db, id) => db.patient.update({ where: { id }, data: { ...whole, email: id } })],
    ['an update of a unique field', 'plain', 7, (db, id) => db.patient.update({ where: { id }, data: { ...whole, email: id } })],
  ])('%s of a row without an envelope in mode %s: %i', async (_, mode, statements, call) => {
    const { id } = await unextended.patient.create({ data: { email: nextId(), fullName: '', ward: '' } })
    const db = logged(mode)
    expect(await during(() => call(db, id))).toHaveLength(statements)
  })

  test('a partial update of a row that is sealed takes no more in mode dual than in mode strict', async () => {
    const { id } = await strict.patient.create({ data: { email: nextId(), fullName: '', ward: '' } })
    const db = logged('dual')
    const sent = await during(() => db.patient.update({ where: { id }, data: { notes: 'new' } }))
    expect(sent.map((text) => text.split(' ')[0])).toEqual(['SELECT', 'UPDATE'])
  })
})
