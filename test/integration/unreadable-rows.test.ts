import { inspect } from 'node:util'
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import { EnvelopeError, type EnvelopeErrorCode, isUnreadable, type KeyProvider, UnreadableValue } from 'prisma-envelope'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { createEncryptedClient } from '../support/encrypted-client.ts'
import { HOUSE, seedHospital } from '../support/hospital.ts'
import { kmsClient } from '../support/kms-client.ts'

const { prisma, client, sql, keys, kms, arn } = await createEncryptedClient('unreadable')

const admin = kmsClient(kms)
afterAll(() => admin.destroy())

/** Wrapped keys, in base64, that a KMS answers for as a key store does whose keys are erased. */
const erased = new Set<string>()
const { current } = keys
const erasing: KeyProvider = {
  name: current.name,
  generateDataKey: (context, options) => current.generateDataKey(context, options),
  wrap: (plaintext, context, options) => current.wrap(plaintext, context, options),
  unwrap: async (wrapped, context, options) => {
    if (erased.has(Buffer.from(wrapped).toString('base64'))) throw new EnvelopeError('ERASED', 'the key was erased')
    return current.unwrap(wrapped, context, options)
  },
}
const cache = { maxEntries: 0 }
const marking = client({ onUnreadable: 'mark' })
const skipping = client({ keys: { current: erasing }, onErased: 'skip', wrap: 'direct', cache })
const both = client({ keys: { current: erasing }, onErased: 'skip', onUnreadable: 'mark', wrap: 'direct', cache })
const strict = client({ keys: { current: erasing }, wrap: 'direct', cache })

beforeEach(async () => {
  erased.clear()
  await sql('TRUNCATE "Patient", "Doctor", "Tag", "Tenant", "Category", "Contact", "Plain" RESTART IDENTITY CASCADE')
  await seedHospital(strict)
})

async function damage(table: string, key: string, value: string) {
  await sql(
    `UPDATE "${table}" SET envelope = jsonb_set(envelope, '{ct}', to_jsonb('AAAA' || substr(envelope->>'ct', 5))) WHERE "${key}" = $1`,
    [value],
  )
}

async function erase(table: string, key: string, value: string, envelope = 'envelope') {
  const rows = await sql<{ wk: string }>(`SELECT ${envelope}->>'wk' AS wk FROM "${table}" WHERE "${key}"::text = $1`, [value])
  expect(rows.length).toBeGreaterThan(0)
  for (const { wk } of rows) erased.add(wk)
}

const byId = { orderBy: { id: 'asc' } } as const
const ids = (rows: readonly { id: string }[]): string[] => rows.map(({ id }) => id)

/** What a test compares of rows: marks by their codes. */
const shown = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe("onUnreadable: 'mark'", () => {
  test('gives the rows of a list, with marks in place of the encrypted values of those that do not open', async () => {
    await damage('Patient', 'id', 'bob')
    await expect(prisma.patient.findMany(byId)).rejects.toMatchObject({ code: 'CANNOT_OPEN', primaryKey: { id: 'bob' } })
    const [ada, bob, cem] = await marking.patient.findMany(byId)
    expect(ada).toMatchObject({ fullName: 'Ada Lovelace' })
    expect(cem).toMatchObject({ fullName: 'Cem Can' })
    expect(bob).toMatchObject({ id: 'bob', ward: 'A1', doctorId: HOUSE })
    for (const field of ['email', 'ssn', 'fullName', 'birthDate', 'history', 'notes'] as const) {
      const value: unknown = bob?.[field]
      expect(isUnreadable(value)).toBe(true)
      expect(value).toBeInstanceOf(UnreadableValue)
      expect(value).toMatchObject({ code: 'CANNOT_OPEN', model: 'Patient', field, primaryKey: { id: 'bob' } })
    }
    expect(bob).not.toHaveProperty('envelope')
    expect(isUnreadable(bob?.ward)).toBe(false)
  })

  test('throws for a single row, and for rows that were found by an encrypted value', async () => {
    await damage('Patient', 'id', 'bob')
    for (const read of [
      () => marking.patient.findUnique({ where: { id: 'bob' } }),
      () => marking.patient.findUniqueOrThrow({ where: { id: 'bob' } }),
      () => marking.patient.findFirst({ where: { id: 'bob' } }),
      () => marking.patient.findUnique({ where: { email: 'bob@example.org' } }),
      () => marking.patient.findMany({ where: { email: 'bob@example.org' } }),
      () => marking.profile.findUnique({ where: { patientId: 'bob' }, include: { patient: true } }),
    ]) {
      await expect(read()).rejects.toMatchObject({ code: 'CANNOT_OPEN', primaryKey: { id: 'bob' } })
    }
  })

  test('reaches lists of relations, and single rows below a list', async () => {
    await damage('Patient', 'id', 'bob')
    await damage('Doctor', 'name', '*')
    const doctor = await marking.doctor.findMany({ where: { id: HOUSE }, include: { patients: byId } })
    expect(shown(doctor)).toMatchObject([
      {
        name: { unreadable: 'CANNOT_OPEN' },
        patients: [{ fullName: 'Ada Lovelace' }, { fullName: { unreadable: 'CANNOT_OPEN' } }],
      },
    ])
    const patients = await marking.patient.findMany({ ...byId, select: { id: true, doctor: true, conditions: true } })
    expect(shown(patients[1])).toMatchObject({
      id: 'bob',
      doctor: { name: { unreadable: 'CANNOT_OPEN' } },
      conditions: [{ description: 'flu again' }],
    })
    const tag = await marking.tag.findUnique({
      where: { id: 2 },
      include: { patients: { ...byId, select: { id: true, fullName: true } } },
    })
    expect(shown(tag)).toMatchObject({
      patients: [{ fullName: 'Ada Lovelace' }, { id: 'bob', fullName: { unreadable: 'CANNOT_OPEN' } }],
    })
    expect(shown(await marking.doctor.findUnique({ where: { id: HOUSE } }).patients(byId))).toMatchObject([
      { id: 'ada' },
      { fullName: { unreadable: 'CANNOT_OPEN' } },
    ])
  })

  test('marks what the row itself is to blame for, by its code', async () => {
    await sql(`UPDATE "Patient" SET envelope = NULL WHERE id = 'ada'`)
    await sql(`UPDATE "Patient" SET notes = 'psql was here' WHERE id = 'cem'`)
    await sql(`UPDATE "Patient" SET envelope = jsonb_set(envelope, '{kid}', '"gone"') WHERE id = 'dea'`)
    const codes = async (db: typeof marking) =>
      (await db.patient.findMany(byId)).map(({ fullName }) => (isUnreadable(fullName) ? fullName.code : 'opened'))
    expect(await codes(marking)).toEqual(['PLAINTEXT_FOUND', 'opened', 'FOREIGN_WRITE', 'KEY_UNKNOWN'])
    const rows = await marking.patient.findMany({ ...byId, select: { fullName: true } })
    expect(shown(rows.slice(2))).toEqual([{ fullName: 'Cem Can' }, { fullName: { unreadable: 'KEY_UNKNOWN' } }])
    await admin.send(new DisableKeyCommand({ KeyId: arn }))
    try {
      expect(await codes(client({ onUnreadable: 'mark' }))).toEqual([
        'PLAINTEXT_FOUND',
        'KEY_DISABLED',
        'KEY_DISABLED',
        'KEY_UNKNOWN',
      ])
    } finally {
      await admin.send(new EnableKeyCommand({ KeyId: arn }))
    }
  })

  test.each(['UNAVAILABLE', 'THROTTLED', 'TIMEOUT', 'ACCESS_DENIED'] as const)(
    'fails the list where the KMS answers %s',
    async (code) => {
      const failing: KeyProvider = { ...erasing, unwrap: () => Promise.reject(new EnvelopeError(code, 'as told')) }
      const db = client({ keys: { current: failing }, onUnreadable: 'mark', deadline: 500 })
      await expect(db.patient.findMany(byId)).rejects.toMatchObject({ code })
    },
  )

  test('gives marks that never turn into text, but for their JSON', async () => {
    await damage('Patient', 'id', 'bob')
    const [row] = await marking.patient.findMany({ where: { id: 'bob' } })
    const mark: unknown = row?.fullName
    if (!isUnreadable(mark)) throw new Error('not marked')
    const refusal = expect.objectContaining({
      name: 'EnvelopeError',
      code: 'CANNOT_OPEN',
      model: 'Patient',
      field: 'fullName',
      primaryKey: { id: 'bob' },
    })
    for (const use of [
      () => String(mark),
      () => mark + '',
      () => Number(mark),
      () => mark.toString(),
      () => mark.valueOf(),
      () => Number(mark) + 1,
    ]) {
      expect(use).toThrow(refusal)
    }
    expect(JSON.stringify({ mark })).toBe('{"mark":{"unreadable":"CANNOT_OPEN"}}')
    expect(inspect(mark)).toContain("code: 'CANNOT_OPEN'")
    expect(Object.isFrozen(mark) && Object.isFrozen(mark.primaryKey)).toBe(true)
    expect(isUnreadable(Object.assign({}, mark))).toBe(false)
    expect(isUnreadable(shown(mark))).toBe(false)
  })

  test('lets no mark be written, not even its JSON', async () => {
    await damage('Patient', 'id', 'bob')
    const [row] = await marking.patient.findMany({ where: { id: 'bob' } })
    const before = await sql(`SELECT * FROM "Patient" ORDER BY id`)
    for (const field of ['email', 'ssn', 'fullName', 'birthDate', 'history', 'notes'] as const) {
      const mark: unknown = row?.[field]
      for (const value of [mark, ...(field === 'history' ? [shown(mark), { deep: [mark] }] : [{ set: mark }])]) {
        const data = { [field]: value }
        const refusal = { code: 'INVALID_VALUE', model: 'Patient', field }
        await expect(marking.patient.update({ where: { id: 'ada' }, data })).rejects.toMatchObject(refusal)
        await expect(marking.patient.updateMany({ where: { id: 'ada' }, data })).rejects.toMatchObject(refusal)
        const whole = { id: 'eve', email: 'eve@example.org', fullName: 'Eve', ward: 'C3', ...data }
        await expect(marking.patient.create({ data: whole as never })).rejects.toMatchObject(refusal)
      }
    }
    expect(await sql(`SELECT * FROM "Patient" ORDER BY id`)).toEqual(before)
    await expect(marking.patient.findMany({ where: { ssn: row?.ssn as never } })).rejects.toBeInstanceOf(EnvelopeError)
  })

  test('marks the rows of raw SQL, too', async () => {
    await damage('Patient', 'id', 'bob')
    await sql(`UPDATE "Patient" SET envelope = NULL WHERE id = 'cem'`)
    const rows = await sql(`SELECT id, "fullName", ward, envelope FROM "Patient" ORDER BY id`)
    await expect(prisma.$envelope.reveal('Patient', rows)).rejects.toBeInstanceOf(EnvelopeError)
    expect(shown(await marking.$envelope.reveal('Patient', rows))).toEqual([
      { id: 'ada', fullName: 'Ada Lovelace', ward: 'A1' },
      { id: 'bob', fullName: { unreadable: 'CANNOT_OPEN' }, ward: 'A1' },
      { id: 'cem', fullName: { unreadable: 'PLAINTEXT_FOUND' }, ward: 'B2' },
      { id: 'dea', fullName: 'Dea Dunn', ward: 'B2' },
    ])
  })

  test('leaves a row as it is to those who write other columns of it', async () => {
    await damage('Patient', 'id', 'bob')
    const rows = await marking.patient.updateManyAndReturn({ where: { ward: 'A1' }, data: { ward: 'Z9' } })
    expect(shown(rows.toSorted((a, b) => (a.id < b.id ? -1 : 1)))).toMatchObject([
      { id: 'ada', fullName: 'Ada Lovelace', ward: 'Z9' },
      { id: 'bob', ward: 'Z9', fullName: { unreadable: 'CANNOT_OPEN' } },
    ])
  })
})

describe("onErased: 'skip'", () => {
  test('leaves erased rows out of lists, and knows nothing of them in counts', async () => {
    await erase('Patient', 'id', 'bob')
    await expect(strict.patient.findMany(byId)).rejects.toMatchObject({ code: 'ERASED', primaryKey: { id: 'bob' } })
    for (const db of [skipping, both]) {
      expect(ids(await db.patient.findMany(byId))).toEqual(['ada', 'cem', 'dea'])
      expect(await db.patient.count()).toBe(4)
      const doctor = await db.doctor.findUniqueOrThrow({ where: { id: HOUSE }, include: { patients: true, _count: true } })
      expect(ids(doctor.patients)).toEqual(['ada'])
      expect(doctor._count.patients).toBe(2)
    }
  })

  test('passes by the rows below an erased one', async () => {
    await erase('Patient', 'id', 'ada')
    const rows = await skipping.patient.findMany({
      ...byId,
      include: { conditions: { orderBy: { id: 'asc' } }, profile: true, doctor: true },
    })
    expect(
      rows.map(({ fullName, conditions, profile }) => [
        fullName,
        conditions.map(({ description }) => description),
        profile?.phone,
      ]),
    ).toEqual([
      ['Bob Bush', ['flu again'], '+44 2'],
      ['Cem Can', ['reflux', 'flu, too'], undefined],
      ['Dea Dunn', [], undefined],
    ])
  })

  test('gives null for a single row, where the operation may find none', async () => {
    await erase('Patient', 'id', 'bob')
    const bob = { where: { id: 'bob' } }
    expect(await skipping.patient.findUnique(bob)).toBeNull()
    expect(await skipping.patient.findFirst(bob)).toBeNull()
    expect(await skipping.patient.findUnique({ where: { email: 'bob@example.org' } })).toBeNull()
    expect(await skipping.patient.findUnique(bob).conditions()).toMatchObject([{ description: 'flu again' }])
    for (const read of [
      () => skipping.patient.findUniqueOrThrow(bob),
      () => skipping.patient.findFirstOrThrow(bob),
      () => skipping.patient.update({ ...bob, data: { ward: 'C3' } }),
      () => strict.patient.findUnique(bob),
    ]) {
      await expect(read()).rejects.toMatchObject({ code: 'ERASED', primaryKey: { id: 'bob' } })
    }
  })

  test('gives null for an optional relation; a required one throws, or is marked below a list', async () => {
    await erase('Doctor', 'id', HOUSE)
    expect(await skipping.patient.findUnique({ where: { id: 'ada' }, include: { doctor: true } })).toMatchObject({
      fullName: 'Ada Lovelace',
      doctor: null,
    })
    await erase('Profile', 'patientId', 'ada')
    expect(await skipping.patient.findUnique({ where: { id: 'ada' }, include: { profile: true } })).toMatchObject({
      profile: null,
    })
    await erase('Patient', 'id', 'bob')
    const required = { where: { patientId: 'bob' }, include: { patient: true } } as const
    await expect(skipping.condition.findMany(required)).rejects.toMatchObject({ code: 'ERASED', model: 'Patient' })
    await expect(both.profile.findUnique(required)).rejects.toMatchObject({ code: 'ERASED', model: 'Patient' })
    expect(shown(await both.condition.findMany(required))).toMatchObject([
      { description: 'flu again', patient: { id: 'bob', fullName: { unreadable: 'ERASED' } } },
    ])
  })

  test('leaves erased rows of raw SQL out', async () => {
    await erase('Patient', 'id', 'bob')
    const rows = await sql(`SELECT id, "fullName", envelope FROM "Patient" ORDER BY id`)
    expect((await skipping.$envelope.reveal('Patient', rows)).map(({ id }) => id)).toEqual(['ada', 'cem', 'dea'])
  })

  test('marks them without it, if lists are marked', async () => {
    await erase('Patient', 'id', 'bob')
    const db = client({ keys: { current: erasing }, onUnreadable: 'mark', wrap: 'direct', cache })
    const codes: (EnvelopeErrorCode | undefined)[] = (await db.patient.findMany(byId)).map(({ notes }) =>
      isUnreadable(notes) ? notes.code : undefined,
    )
    expect(codes).toEqual([undefined, 'ERASED', undefined, undefined])
  })
})

test('other words than these are refused', () => {
  expect(() => client({ onUnreadable: 'skip' as never })).toThrow(expect.objectContaining({ code: 'CONFIG' }))
  expect(() => client({ onErased: 'mark' as never })).toThrow(expect.objectContaining({ code: 'CONFIG' }))
})
