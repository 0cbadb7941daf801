import type { ForeignWrite, Mode } from 'prisma-envelope'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createModes, type Modes } from './rows.ts'

const modes = await createModes('modes_foreign')
const { sql, strict } = modes

afterEach(() => vi.restoreAllMocks())

let count = 0
/** A sealed patient, to one of whose columns something without the extension wrote. */
async function foreign(set: string): Promise<{ readonly id: string }> {
  const id = `patient${(count += 1)}`
  await strict.patient.create({ data: { id, email: `${id}@example.org`, ssn: 'ssn', fullName: 'Ada', notes: 'n', ward: 'A' } })
  await sql(`UPDATE "Patient" SET ${set} WHERE id = $1`, [id])
  return { id }
}

function told(mode: Mode) {
  const events: ForeignWrite[] = []
  return { db: modes.inMode(mode, { onForeignWrite: (event) => void events.push(event) }), events }
}

type Db = Modes['dual']

describe.each(['plain', 'dual'] as const)('in mode %s', (mode) => {
  test.each<[string, (db: Db, id: string) => Promise<unknown>]>([
    ['findUnique', (db, id) => db.patient.findUnique({ where: { id } })],
    ['findMany', (db, id) => db.patient.findMany({ where: { id: { in: [id] } } })],
    ['delete', (db, id) => db.patient.delete({ where: { id } })],
  ])('%s tells of a foreign write, and of no value', async (operation, call) => {
    const { id } = await foreign(`"fullName" = 'Foreign', notes = NULL`)
    const { db, events } = told(mode)
    await call(db, id)
    expect(events).toEqual(['fullName', 'notes'].map((field) => ({ model: 'Patient', field, primaryKey: { id }, operation })))
  })

  test.each<[string, (db: Db, id: string) => Promise<unknown>]>([
    ['update', (db, id) => db.patient.update({ where: { id }, data: { ssn: 'new' }, select: { id: true } })],
    ['updateMany', (db, id) => db.patient.updateMany({ where: { id }, data: { ssn: 'new' } })],
  ])('%s that takes a foreign value tells of it, once', async (operation, call) => {
    const { id } = await foreign(`"fullName" = 'Foreign'`)
    const { db, events } = told(mode)
    await call(db, id)
    expect(events).toEqual([{ model: 'Patient', field: 'fullName', primaryKey: { id }, operation }])
    await db.patient.findUnique({ where: { id } })
    expect(events).toHaveLength(1)
  })

  test('nothing is told of rows without an envelope, nor of fields that are not read', async () => {
    const { db, events } = told(mode)
    const data = { email: `bare ${mode}@example.org`, fullName: 'B', ward: '' }
    const { id: bare } = await modes.bare.patient.create({ data })
    const { id } = await foreign(`"fullName" = 'Foreign'`)
    await db.patient.findUnique({ where: { id: bare } })
    await db.patient.update({ where: { id: bare }, data: { notes: 'n' } })
    await db.patient.findUnique({ where: { id }, select: { notes: true } })
    await db.patient.update({ where: { id }, data: { ward: 'B' }, select: { ward: true } })
    expect(events).toEqual([])
  })

  test.each<[string, () => void]>([
    [
      'throws',
      () => {
        throw new Error('from the hook')
      },
    ],
    ['rejects', () => Promise.reject(new Error('from the hook')) as unknown as undefined],
  ])('a hook that %s breaks no read, and is warned of once', async (_, onForeignWrite) => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const { id } = await foreign(`"fullName" = 'Foreign', notes = 'foreign'`)
    const db = modes.inMode(mode, { onForeignWrite })
    for (const _read of [1, 2]) expect(await db.patient.findUnique({ where: { id } })).toMatchObject({ fullName: 'Foreign' })
    await vi.waitFor(() => expect(warn).toHaveBeenCalled())
    expect(warn.mock.calls).toEqual([
      [expect.any(String), { type: 'PrismaEnvelopeWarning', code: 'PRISMA_ENVELOPE_FOREIGN_WRITE_HOOK' }],
    ])
    expect(warn.mock.calls[0]?.[0]).not.toContain('from the hook')
  })

  test('without a hook the process warns once for each field', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const rows = [await foreign(`"fullName" = 'Mallory'`), await foreign(`"fullName" = 'Mallory', ssn = 'Mallory'`)]
    const db = modes.client({ mode })
    for (const { id } of rows) await db.patient.findUnique({ where: { id } })
    const options = { type: 'PrismaEnvelopeWarning', code: 'PRISMA_ENVELOPE_FOREIGN_WRITE' }
    expect(warn.mock.calls).toEqual([
      [expect.stringMatching(/^Patient\.fullName in findUnique: /), options],
      [expect.stringMatching(/^Patient\.ssn in findUnique: /), options],
    ])
    for (const [text] of warn.mock.calls) expect(text).not.toContain('Mallory')
  })

  test('$envelope.reveal takes a foreign value, tells of it, and leaves rows without an envelope as they are', async () => {
    const { db, events } = told(mode)
    const { id } = await foreign(`"fullName" = 'Foreign', "birthDate" = '1999-01-01'`)
    const { id: sealed } = await foreign(`ward = 'W'`)
    const data = { id: `plain ${mode}`, email: `plain ${mode}@example.org`, fullName: 'Plain', ward: '' }
    await modes.bare.patient.create({ data })
    const columns = 'id, email, "fullName", "birthDate", notes, envelope'
    const rows = await sql(`SELECT ${columns} FROM "Patient" WHERE id = ANY($1) ORDER BY id`, [[id, sealed, data.id]])
    const revealed = await db.$envelope.reveal('Patient', rows)
    const birthDate = new Date('1999-01-01T00:00:00.000Z')
    expect(revealed).toEqual([
      { id, email: `${id}@example.org`, fullName: 'Foreign', birthDate, notes: 'n' },
      { id: sealed, email: `${sealed}@example.org`, fullName: 'Ada', birthDate: null, notes: 'n' },
      { id: data.id, email: data.email, fullName: 'Plain', birthDate: null, notes: null },
    ])
    expect(events.map(({ field }) => field).toSorted()).toEqual(['birthDate', 'fullName'])
  })

  test('a token whose envelope is gone is not passed off as a value', async () => {
    const { id } = await foreign('envelope = NULL')
    const refusal = { code: 'FOREIGN_WRITE', model: 'Patient', primaryKey: { id } }
    await expect(modes[mode].patient.findUnique({ where: { id } })).rejects.toMatchObject(refusal)
    if (mode === 'plain') return
    await expect(modes[mode].patient.update({ where: { id }, data: { notes: 'n' } })).rejects.toMatchObject(refusal)
  })
})

describe('in mode strict', () => {
  test('a foreign write throws, and nobody is told', async () => {
    const { id } = await foreign(`"fullName" = 'Foreign'`)
    const { db, events } = told('strict')
    await expect(db.patient.findUnique({ where: { id } })).rejects.toMatchObject({ code: 'FOREIGN_WRITE', field: 'fullName' })
    expect(events).toEqual([])
  })

  test('a row without an envelope throws, naming the command and the mode that help', async () => {
    const { id } = await modes.bare.patient.create({ data: { email: 'bare@example.org', fullName: 'B', ward: '' } })
    await expect(strict.patient.findUnique({ where: { id } })).rejects.toMatchObject({
      code: 'PLAINTEXT_FOUND',
      primaryKey: { id },
      message: expect.stringMatching(/`prisma-envelope-cli encrypt Patient`.*mode `dual`/),
    })
  })
})
