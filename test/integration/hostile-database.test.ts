import { inspect } from 'node:util'
import fc from 'fast-check'
import type { EnvelopeErrorCode } from 'prisma-envelope'
import { beforeEach, describe, expect, test } from 'vitest'
import { createEncryptedClient } from '../support/encrypted-client.ts'
import { expectRefusal } from '../support/refused.ts'

const { prisma, client, sql } = await createEncryptedClient('hostile')

type Stored = Record<string, unknown> & {
  readonly v: number
  readonly kid: string
  readonly fs: string
  readonly wk: string
  readonly dek: string
  readonly ct: string
}

const SECRET = 'Lovelace'

beforeEach(async () => {
  await prisma.patient.deleteMany()
  await prisma.contact.deleteMany()
  await prisma.patient.create({
    data: {
      id: 'ada',
      email: 'ada@lovelace.org',
      ssn: 'Lovelace 1',
      fullName: 'Ada Lovelace',
      history: { of: 'Lovelace' },
      notes: 'Lovelace notes',
      ward: 'B2',
      doctor: { create: { id: '0b3e4e8a-5d5f-4a4e-8d0f-1f6f5a1c2d3e', name: 'Doctor Lovelace' } },
      conditions: { create: [{ code: 'A', description: 'Lovelace flu' }] },
    },
  })
  await prisma.patient.create({
    data: { id: 'bob', email: 'bob@lovelace.org', ssn: 'Lovelace 2', fullName: 'Bob Lovelace', ward: 'B2' },
  })
  return () => prisma.doctor.deleteMany()
})

async function envelopeOf(id: string): Promise<Stored> {
  const [row] = await sql<{ envelope: Stored }>(`SELECT envelope FROM "Patient" WHERE id = $1`, [id])
  if (row === undefined) throw new Error(`there is no ${id}`)
  return row.envelope
}

/** Writes what is no concern of Prisma's: `undefined` is SQL NULL. */
async function plant(envelope: unknown, id = 'ada') {
  await sql(`UPDATE "Patient" SET envelope = $2::text::jsonb WHERE id = $1`, [
    id,
    envelope === undefined ? null : JSON.stringify(envelope),
  ])
}

const ada = { where: { id: 'ada' } }

/** Every way to the row of Ada that opens it fails in the same way, names the row, tells no secret, and changes nothing. */
async function expectUnreadable(code: EnvelopeErrorCode) {
  const fresh = client()
  const reads: Record<string, () => Promise<unknown>> = {
    findUnique: () => fresh.patient.findUnique(ada),
    findFirst: () => fresh.patient.findFirst({ where: { ssn: 'Lovelace 1' } }),
    findMany: () => fresh.patient.findMany({ orderBy: { id: 'desc' } }),
    update: () => fresh.patient.update({ ...ada, data: { birthDate: new Date(0) } }),
  }
  for (const [operation, call] of Object.entries(reads)) {
    const error = await expectRefusal(sql, call, { code, model: 'Patient', operation, primaryKey: { id: 'ada' } }, SECRET)
    expect(error.message).toContain('ada')
  }
  const place = { code, model: 'Patient', primaryKey: { id: 'ada' } }
  await expectRefusal(sql, () => fresh.doctor.findMany({ include: { patients: true } }), place, SECRET)
  await expectRefusal(
    sql,
    () =>
      fresh.condition.findFirst({
        select: { patient: { select: { fullName: true, notes: true, ssn: true, history: true, birthDate: true } } },
      }),
    place,
    SECRET,
  )
  await expectRefusal(
    sql,
    () => fresh.$transaction((tx) => tx.patient.update({ ...ada, data: { birthDate: null } })),
    place,
    SECRET,
  )
  expect(await fresh.patient.findUnique({ ...ada, select: { ward: true } })).toEqual({ ward: 'B2' })
  expect(await fresh.patient.findUnique({ where: { id: 'bob' } })).toMatchObject({ fullName: 'Bob Lovelace' })
}

describe('an envelope', () => {
  test('copied from another row does not open', async () => {
    await plant(await envelopeOf('bob'))
    await expectUnreadable('CANNOT_OPEN')
  })

  test('copied from another table does not open', async () => {
    const [row] = await sql<{ envelope: unknown }>(`SELECT envelope FROM "Doctor"`)
    await plant(row?.envelope)
    await expectUnreadable('CANNOT_OPEN')
  })

  test('of a row of another parent does not open', async () => {
    await prisma.condition.create({ data: { patientId: 'bob', code: 'B', description: 'Lovelace cold' } })
    await sql(
      `UPDATE conditions SET condition_envelope = (SELECT condition_envelope FROM conditions WHERE patient_id = 'ada') WHERE patient_id = 'bob'`,
    )
    await expectRefusal(
      sql,
      () => prisma.condition.findMany({ where: { patientId: 'bob' } }),
      { code: 'CANNOT_OPEN', model: 'Condition' },
      SECRET,
    )
  })

  test('does not open once a column that it is bound to was changed', async () => {
    await sql(`UPDATE conditions SET patient_id = 'bob'`)
    await expectRefusal(sql, () => prisma.condition.findMany(), { code: 'CANNOT_OPEN', model: 'Condition' }, SECRET)
  })

  // Nothing outside the row says which version is the latest: a limit that the documentation states.
  test('of an older version of its own row opens, as that version', async () => {
    const older = await envelopeOf('ada')
    await prisma.patient.update({ ...ada, data: { notes: 'newer' } })
    await plant(older)
    expect(await client().patient.findUnique(ada)).toMatchObject({ notes: 'Lovelace notes', fullName: 'Ada Lovelace' })
  })

  test('of an older version is found out where a value was null then', async () => {
    const older = await envelopeOf('ada')
    await prisma.patient.update({ ...ada, data: { birthDate: new Date(0) } })
    await plant(older)
    await expectRefusal(sql, () => client().patient.findUnique(ada), { code: 'FOREIGN_WRITE', field: 'birthDate' }, SECRET)
  })

  // The primary key of these rows is made by the database, after they are sealed: another limit that the documentation states.
  test('copied between rows that are bound to nothing opens', async () => {
    const data = (n: number) => ({ email: `${n}@lovelace.org`, familyName: `Lovelace ${n}`, street: `street ${n}` })
    const [one, two] = await prisma.contact.createManyAndReturn({ data: [data(1), data(2)] })
    await sql(`UPDATE "Contact" SET envelope_v1 = (SELECT envelope_v1 FROM "Contact" WHERE id = $1) WHERE id = $2`, [
      one?.id,
      two?.id,
    ])
    expect(await prisma.contact.findUnique({ where: { id: two?.id ?? 0 } })).toMatchObject({ familyName: 'Lovelace 1' })
  })

  const replaced: Record<string, (envelope: Stored) => unknown> = {
    'an empty object': () => ({}),
    'an empty list': () => [],
    'a text': () => 'x',
    'a number': () => 1,
    'a boolean': () => true,
    'a list of itself': (envelope) => [envelope],
    'itself as text': (envelope) => JSON.stringify(envelope),
    'one of version 2': (envelope) => ({ ...envelope, v: 2 }),
    'one of version "1"': (envelope) => ({ ...envelope, v: '1' }),
    'one without version': (envelope) => ({ ...envelope, v: undefined }),
    'one without ciphertext': (envelope) => ({ ...envelope, ct: undefined }),
    'one without wrapped key': (envelope) => ({ ...envelope, wk: undefined }),
    'one without wrapped DEK': (envelope) => ({ ...envelope, dek: undefined }),
    'one of another field set': (envelope) => ({ ...envelope, fs: 'AAAAAAAA' }),
    'one of a field set of no form': (envelope) => ({ ...envelope, fs: 'x' }),
    'one with an encryption context': (envelope) => ({ ...envelope, ctx: { tenant: '42' } }),
    'one with an unknown property': (envelope) => ({ ...envelope, alg: 'none' }),
    'one with a number for ciphertext': (envelope) => ({ ...envelope, ct: 1 }),
    'one with a list of one wrapped key': (envelope) => ({ ...envelope, wk: [['pii', envelope.wk]] }),
    'one with a wrapped key of no bytes': (envelope) => ({ ...envelope, wk: '' }),
    'one with spaces in its ciphertext': (envelope) => ({ ...envelope, ct: `${envelope.ct} ` }),
    'one in the URL alphabet': (envelope) => ({ ...envelope, ct: `-_${envelope.ct.slice(2)}` }),
    'one with a very long ciphertext': (envelope) => ({ ...envelope, ct: envelope.ct.repeat(1000) }),
  }
  test.each(Object.entries(replaced))('replaced by %s does not open', async (_, change) => {
    await plant(change(await envelopeOf('ada')))
    await expectUnreadable('CANNOT_OPEN')
  })

  test.each([
    ['NULL', undefined],
    ['JSON null', null],
  ])('replaced by %s is plaintext found', async (_, value) => {
    await plant(value)
    await expectUnreadable('PLAINTEXT_FOUND')
  })

  test('of a key that the keyring does not hold names no key to open it', async () => {
    await plant({ ...(await envelopeOf('ada')), kid: 'foreign' })
    await expectUnreadable('KEY_UNKNOWN')
  })

  test('with a wrapped key of another KMS key does not open', async () => {
    const { wk } = await envelopeOf('ada')
    const other = Buffer.from(wk, 'base64')
    other.fill(0xab, 1, 17)
    await plant({ ...(await envelopeOf('ada')), wk: other.toString('base64') })
    await expectUnreadable('KEY_UNKNOWN')
  })

  test('that names a key of a key store needs the key store', async () => {
    await plant({ ...(await envelopeOf('ada')), wk: undefined, bk: 'unknown' })
    await expectUnreadable('CONFIG')
  })

  const expectedCodes: Record<string, readonly string[]> = {
    kid: ['KEY_UNKNOWN', 'CANNOT_OPEN'],
    // Its first bytes name the KMS key.
    wk: ['KEY_UNKNOWN', 'CANNOT_OPEN'],
    fs: ['CANNOT_OPEN'],
    dek: ['CANNOT_OPEN'],
    ct: ['CANNOT_OPEN'],
  }

  /** Many rows, each with its own envelope spoilt in its own way, all read at once. */
  async function readSpoilt(spoil: (envelope: Stored) => readonly { part: string; envelope: object }[]) {
    await sql(`DELETE FROM "GivenKey"`)
    await prisma.givenKey.create({ data: { id: 'victim', secret: 'Lovelace' } })
    const [row] = await sql<{ envelope: Stored }>(`SELECT envelope FROM "GivenKey"`)
    const spoilt = row === undefined ? [] : spoil(row.envelope)
    await prisma.givenKey.createMany({ data: spoilt.map((_, i) => ({ id: `row ${i}`, secret: `Lovelace ${i}` })) })
    const own = await sql<{ id: string; envelope: Stored }>(
      `SELECT id, envelope FROM "GivenKey" WHERE id <> 'victim' ORDER BY substr(id, 5)::int`,
    )
    const planted = own.map(({ id, envelope }, i) => ({ id, ...spoil(envelope)[i] }))
    await sql(
      `UPDATE "GivenKey" g SET envelope = p.envelope FROM jsonb_to_recordset($1::text::jsonb) AS p (id text, envelope jsonb) WHERE g.id = p.id`,
      [JSON.stringify(planted)],
    )
    const fresh = client()
    for (const { id, part } of planted) {
      const error = await fresh.givenKey.findUnique({ where: { id } }).catch((thrown: unknown) => thrown)
      expect(error, `${id}, ${part}`).toMatchObject({ name: 'EnvelopeError', model: 'GivenKey', primaryKey: { id } })
      expect(expectedCodes[part ?? '']).toContain((error as { code: string }).code)
      expect(inspect(error)).not.toContain('Lovelace')
    }
    expect(planted.length).toBeGreaterThan(0)
  }

  const parts = (envelope: Stored) =>
    Object.entries(envelope).filter((entry): entry is [string, string] => typeof entry[1] === 'string')

  test('with a bit flipped in any of its bytes does not open', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 6 }), (bit) =>
        readSpoilt((envelope) =>
          parts(envelope).flatMap(([part, text]) =>
            Array.from(text, (character, at) => {
              const flipped = String.fromCharCode(character.charCodeAt(0) ^ (1 << bit))
              return { part, envelope: { ...envelope, [part]: text.slice(0, at) + flipped + text.slice(at + 1) } }
            }),
          ),
        ),
      ),
      { numRuns: 2 },
    )
  })

  test('cut short at any byte does not open', async () => {
    await readSpoilt((envelope) =>
      parts(envelope).flatMap(([part, text]) =>
        Array.from(text, (_, length) => ({ part, envelope: { ...envelope, [part]: text.slice(0, length) } })),
      ),
    )
  })
})

describe('a column of a sealed row', () => {
  const foreign: Record<string, [string, string]> = {
    'plaintext for a placeholder': ['"fullName" = \'Mallory\'', 'fullName'],
    'plaintext for a token': ["ssn = 'Lovelace 1'", 'ssn'],
    'something like a token': ["email = '~abcd.short'", 'email'],
    'an empty text for a placeholder': ['"fullName" = \'\'', 'fullName'],
    'another object for a placeholder': ['history = \'{"of": 1}\'', 'history'],
    'JSON null for a placeholder': ["history = 'null'", 'history'],
    'NULL where there is a value': ['notes = NULL', 'notes'],
    'NULL for a token': ['ssn = NULL', 'ssn'],
    'a placeholder where there is no value': ['"birthDate" = \'1970-01-01\'', 'birthDate'],
    'plaintext where there is no value': ['"birthDate" = \'1815-12-10\'', 'birthDate'],
  }
  test.each(Object.entries(foreign))('that holds %s is a foreign write', async (_, [change, field]) => {
    await sql(`UPDATE "Patient" SET ${change} WHERE id = 'ada'`)
    const place = { code: 'FOREIGN_WRITE', model: 'Patient', field, primaryKey: { id: 'ada' } } as const
    for (const call of [
      () => prisma.patient.findUnique(ada),
      () => prisma.patient.findMany(),
      () => prisma.doctor.findMany({ include: { patients: true } }),
      () => prisma.patient.update({ ...ada, data: field === 'fullName' ? { notes: 'n' } : { fullName: 'n' } }),
    ]) {
      await expectRefusal(sql, call, place, SECRET)
    }
    expect(await prisma.patient.findUnique({ ...ada, select: { id: true, ward: true } })).toEqual({ id: 'ada', ward: 'B2' })
  })
})

describe('a token pasted from another row', () => {
  /** Gives Bob's row the token of Ada's address. */
  async function paste() {
    const [token] = await sql<{ email: string; ssn: string }>(`SELECT email, ssn FROM "Patient" WHERE id = 'ada'`)
    await sql(`UPDATE "Patient" SET email = 'gone' WHERE id = 'ada'`)
    await sql(`UPDATE "Patient" SET email = $1, ssn = $2 WHERE id = 'bob'`, [token?.email, token?.ssn])
  }

  const all = { email: 'x@lovelace.org', ssn: null, fullName: 'X', birthDate: null, history: 1, notes: null }
  const byToken = { where: { email: 'ada@lovelace.org' } }
  const calls: Record<string, [() => Promise<unknown>, string]> = {
    findUnique: [() => prisma.patient.findUnique(byToken), 'email'],
    'findUnique of other fields': [() => prisma.patient.findUnique({ ...byToken, select: { ward: true } }), 'email'],
    findFirst: [() => prisma.patient.findFirst({ where: { ssn: 'Lovelace 1', id: 'bob' } }), 'ssn'],
    findMany: [() => prisma.patient.findMany({ where: { ssn: { in: ['Lovelace 1', 'Lovelace 3'] }, id: 'bob' } }), 'ssn'],
    'a partial update': [() => prisma.patient.update({ ...byToken, data: { notes: 'n' } }), 'email'],
    'a full update': [() => prisma.patient.update({ ...byToken, data: all }), 'email'],
    'a full update by the key as well': [
      () => prisma.patient.update({ where: { id: 'bob', ssn: 'Lovelace 1' }, data: all }),
      'ssn',
    ],
    'an update in an interactive transaction': [
      () => prisma.$transaction((tx) => tx.patient.update({ ...byToken, data: { notes: 'n' } })),
      'email',
    ],
    'a plain update in an interactive transaction': [
      () => prisma.$transaction((tx) => tx.patient.update({ ...byToken, data: { ward: 'n' } })),
      'email',
    ],
  }
  test.each(Object.entries(calls))('does not make that row the answer to %s', async (_, [call, field]) => {
    await paste()
    const place = { code: 'FOREIGN_WRITE', model: 'Patient', field, primaryKey: { id: 'bob' } } as const
    await expectRefusal(sql, call, place, SECRET)
  })

  test('does not let a full update seal into a row that is bound to nothing', async () => {
    const data = (n: number) => ({
      email: `${n}@lovelace.org`,
      backupEmail: null,
      familyName: `Lovelace ${n}`,
      street: `street ${n}`,
    })
    const [one, two] = await prisma.contact.createManyAndReturn({ data: [data(1), data(2)] })
    const ids = [one?.id, two?.id] as const
    await sql(`UPDATE "Contact" SET email = (SELECT email FROM "Contact" WHERE id = $1) WHERE id = $2`, ids)
    const call = () => prisma.contact.update({ where: { id: two?.id ?? 0, email: '1@lovelace.org' }, data: data(3) })
    await expectRefusal(sql, call, { code: 'FOREIGN_WRITE', model: 'Contact', field: 'email' }, SECRET)
  })
})

test('a full update takes an unreadable row over, if it is of the same fields', async () => {
  const all = { email: 'ada@lovelace.org', ssn: null, fullName: 'Ada', birthDate: null, history: 1, notes: 'n' }
  await plant({ ...(await envelopeOf('ada')), ct: (await envelopeOf('bob')).ct })
  await prisma.patient.update({ ...ada, data: all })
  expect(await client().patient.findUnique(ada)).toMatchObject({ ...all, ward: 'B2' })
})

test('a full update of many rows takes unreadable rows over, and leaves each with an envelope of its own', async () => {
  const rows = ['a', 'b c', ' ', '', 'd,"e"', '{f}', 'g\\'].map((ct, id) => ({ id: `${id}`, ct }))
  await prisma.givenKey.deleteMany()
  await prisma.givenKey.createMany({ data: rows.map(({ id }) => ({ id, secret: SECRET })) })
  for (const { id, ct } of rows) {
    await sql(`UPDATE "GivenKey" SET envelope = jsonb_set(envelope, '{ct}', to_jsonb($2::text)) WHERE id = $1`, [id, ct])
  }
  expect(await prisma.givenKey.updateMany({ data: { secret: 'new' } })).toEqual({ count: rows.length })
  const opened = await client().givenKey.findMany({ orderBy: { id: 'asc' } })
  expect(opened).toEqual(rows.map(({ id }) => ({ id, secret: 'new' })))
})

test.each<[string, unknown, EnvelopeErrorCode]>([
  ['without an envelope', undefined, 'PLAINTEXT_FOUND'],
  ['with an envelope that is none', {}, 'CANNOT_OPEN'],
  ['with an envelope of version 2', { v: 2, kid: 'pii', fs: 'AAAAAAAA', ct: 'x' }, 'CANNOT_OPEN'],
])('a full update does not take over a row %s', async (_, envelope, code) => {
  const all = { email: 'ada@lovelace.org', ssn: null, fullName: 'Ada', birthDate: null, history: 1, notes: 'n' }
  await plant(envelope)
  await expectRefusal(sql, () => prisma.patient.update({ ...ada, data: all }), {
    code,
    model: 'Patient',
    primaryKey: { id: 'ada' },
  })
  await expectRefusal(sql, () => prisma.$transaction((tx) => tx.patient.update({ ...ada, data: all })), { code })
})
