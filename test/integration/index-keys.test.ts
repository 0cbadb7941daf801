import { createIndexKey, type EnvelopeOptions } from 'prisma-envelope'
import { beforeEach, describe, expect, test } from 'vitest'
import { models } from '../support/client.ts'
import { createBareClient, createEncryptedClient, type EncryptedClient, extend } from '../support/encrypted-client.ts'
import { createLoggedClient } from '../support/query-log.ts'
import { expectRefusal, failureOf } from '../support/refused.ts'

const { prisma, bare, database, sql, kms, keys, indexKey, client } = await createEncryptedClient('index_keys')
const [a, b, c] = [indexKey.current, await createIndexKey(keys), await createIndexKey(keys)]
const underA = prisma
const underBoth: Partial<EnvelopeOptions> = { indexKey: { current: b, others: [a] } }

const person = (name: string) => ({ id: name, email: `${name}@example.org`, name })
const idOf = (line: string): string => `~${line.split('.')[1]}.`
const heldBy = async (id: string): Promise<string> =>
  (await sql<{ email: string }>('SELECT email FROM persons WHERE id = $1', [id]))[0]?.email ?? ''

beforeEach(async () => {
  await sql('TRUNCATE persons, "Patient" CASCADE')
  await underA.person.create({ data: person('ada') })
})

describe('several index keys', () => {
  test('write new tokens under the current one, and find those of all', async () => {
    const db = client(underBoth)
    await db.person.create({ data: person('bob') })
    expect((await heldBy('ada')).startsWith(idOf(a))).toBe(true)
    expect((await heldBy('bob')).startsWith(idOf(b))).toBe(true)
    const emails = ['ada@example.org', 'bob@example.org']
    expect(await db.person.count({ where: { email: { in: emails } } })).toBe(2)
    // A row that is written for another reason keeps its token, and one whose value is written gets a new one.
    await db.person.update({ where: { id: 'ada' }, data: { name: 'Ada' } })
    expect((await heldBy('ada')).startsWith(idOf(a))).toBe(true)
    await db.person.update({ where: { id: 'ada' }, data: { email: 'ada@example.org' } })
    expect((await heldBy('ada')).startsWith(idOf(b))).toBe(true)
    expect(await underA.person.findUnique({ where: { email: 'ada@example.org' } })).toBeNull()
  })

  test('are unwrapped once each, the others when something is searched', async () => {
    kms.resetLog()
    const fresh = client({ indexKey: { current: c, others: [a, b] } })
    const unwrapped = () => kms.calls.Decrypt ?? 0
    await fresh.condition.findMany({ where: { severity: 1 } })
    expect(unwrapped()).toBe(0)
    await fresh.contact.create({ data: { email: 'gil@example.org', familyName: 'G', street: 's' } })
    expect(unwrapped()).toBe(1)
    const search = () => fresh.contact.findMany({ where: { email: 'gil@example.org' } })
    await Promise.all(Array.from({ length: 10 }, search))
    expect(unwrapped()).toBe(3)
    await Promise.all(Array.from({ length: 10 }, search))
    expect(unwrapped()).toBe(3)
  })

  test('send no plaintext, and compare what a token has found', async () => {
    const log = createLoggedClient(database)
    const db = extend(log.bare, { keys, indexKey: { current: b, others: [a] } })
    await db.person.create({ data: person('bob') })
    const sent = await log.queriesOf(async () => {
      await db.person.findUniqueOrThrow({ where: { email: 'ada@example.org' } })
      await db.person.findMany({ where: { email: { notIn: ['ada@example.org'] } } })
      await db.person.upsert({ where: { email: 'bob@example.org' }, create: person('bob'), update: { rank: 2 } })
      await db.person.create({ data: person('bob') }).catch(() => {})
    })
    expect(sent.length).toBeGreaterThan(4)
    expect(JSON.stringify(sent)).not.toContain('@example.org')
    await sql(`UPDATE persons SET email = CASE id WHEN 'ada' THEN 'gone' ELSE $1 END`, [await heldBy('ada')])
    for (const call of [
      () => db.person.findUnique({ where: { email: 'ada@example.org' } }),
      () => db.person.findMany({ where: { email: { in: ['ada@example.org'] } } }),
      () => db.person.update({ where: { email: 'ada@example.org' }, data: { name: 'x' } }),
    ]) {
      await expectRefusal(sql, call, { code: 'FOREIGN_WRITE', model: 'Person', field: 'email' }, 'ada@')
    }
  })

  test('answer an array of operations, all or nothing', async () => {
    const db = client(underBoth)
    const [found, made, changed] = await db.$transaction([
      db.person.findUnique({ where: { email: 'ada@example.org' } }),
      db.person.create({ data: person('bob') }),
      db.person.update({ where: { email: 'ada@example.org' }, data: { email: 'ada@example.com' } }),
    ])
    expect([found?.id, made.id, changed.email]).toEqual(['ada', 'bob', 'ada@example.com'])
    const failure = await failureOf(sql, () =>
      db.$transaction([
        db.person.delete({ where: { email: 'ada@example.com' } }),
        db.person.create({ data: { ...person('cem'), email: 'bob@example.org' } }),
      ]),
    )
    expect(failure).toMatchObject({ code: 'P2002' })
  })

  test('are no lines that are none', () => {
    const others = 'pei1' as unknown as readonly string[]
    expect(() => client({ indexKey: { current: a, others } })).toThrow(expect.objectContaining({ code: 'CONFIG' }))
    expect(() => client({ indexKey: { current: a, others: [a] } })).toThrow(expect.objectContaining({ code: 'CONFIG' }))
  })
})

describe('$envelope', () => {
  test('gives the current token, and those under all index keys', async () => {
    const { $envelope } = client(underBoth)
    const tokens = await $envelope.tokens('Person.email', 'ada@example.org')
    expect(tokens.map((token) => token.slice(0, 6))).toEqual([idOf(b), idOf(a)])
    expect(tokens[0]).toBe(await $envelope.token('Person.email', 'ada@example.org'))
    expect(await sql('SELECT id FROM persons WHERE email = ANY($1)', [tokens])).toEqual([{ id: 'ada' }])
    expect(await prisma.$envelope.tokens('Person.email', 'x')).toEqual([await prisma.$envelope.token('Person.email', 'x')])
    await expect($envelope.tokens('Member.email', 'x')).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })
})

describe('a cursor', () => {
  const page = (db: EncryptedClient, cursor: object) =>
    db.person.findMany({ cursor: cursor as { id: string }, orderBy: { id: 'asc' }, select: { id: true } })

  test.each(['plain', 'dual'] as const)('names its row by a key, or by two that agree, in mode %s', async (mode) => {
    const db = client({ mode, indexKey: { current: b, others: [a] } })
    await db.person.create({ data: person('bob') })
    const email = 'ada@example.org'
    expect(await page(db, { email })).toEqual([{ id: 'ada' }, { id: 'bob' }])
    expect(await page(db, { id: 'ada', email })).toEqual([{ id: 'ada' }, { id: 'bob' }])
    expect(await page(db, { email: 'nobody@example.org' })).toEqual([])
    expect(await page(db, { id: 'bob', email })).toEqual([])
  })
})

describe('unique values that stand in several forms', () => {
  const isolated = (
    db: EncryptedClient,
    isolationLevel: 'RepeatableRead' | 'Serializable',
    work: (tx: EncryptedClient) => Promise<unknown>,
  ) => db.$transaction((tx) => work(tx as EncryptedClient), { isolationLevel })

  test.each(['RepeatableRead', 'Serializable'] as const)('are not written where others can not be seen: at %s', async (level) => {
    const db = client(underBoth)
    const refusal = {
      code: 'UNSUPPORTED' as const,
      model: 'Person',
      field: 'email',
      message: expect.stringContaining('ReadCommitted'),
    }
    await expectRefusal(sql, () => isolated(db, level, (tx) => tx.person.create({ data: person('bob') })), refusal)
    // What writes none, and what has one form, is as ever.
    await isolated(db, level, (tx) => tx.person.update({ where: { email: 'ada@example.org' }, data: { name: 'Ada' } }))
    await isolated(underA, level, (tx) => tx.person.create({ data: person('bob') }))
  })

  test('take few locks, however many rows are written at once', async () => {
    const db = client(underBoth)
    const held = await db.$transaction(
      async (tx) => {
        await tx.person.createMany({ data: Array.from({ length: 5_000 }, (_, i) => person(`p${i}`)) })
        const [row] = await tx.$queryRaw<{ n: number }[]>`SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory'`
        return row?.n
      },
      { timeout: 60_000 },
    )
    expect(held).toBeGreaterThan(500)
    expect(held).toBeLessThanOrEqual(1024)
    expect(await db.person.count()).toBe(5_001)
  })

  test('abort the transaction in which they are refused, as the database does', async () => {
    const db = client(underBoth)
    const failure = await failureOf(sql, () =>
      db.$transaction(async (tx) => {
        await tx.person.create({ data: person('bob') })
        await tx.person.create({ data: { ...person('cem'), email: 'ada@example.org' } }).catch(() => {})
        return tx.person.count()
      }),
    )
    expect(failure.message).toMatch(/current transaction is aborted|25P02/)
  })

  test('name a row only where the model has a key of another kind', async () => {
    const keyless = { ...models.Person, primaryKey: [], uniques: [{ name: 'email', fields: ['email'] }] }
    const db = client({ ...underBoth, models: { ...models, Person: keyless } })
    await expectRefusal(sql, () => db.person.findUnique({ where: { email: 'ada@example.org' } }), {
      code: 'UNSUPPORTED',
      model: 'Person',
    })
  })
})

describe('plaintext, in mode dual,', () => {
  const dual = client({ mode: 'dual' })
  const plain = client({ mode: 'plain' })

  test('is searched in rows alone that no envelope seals', async () => {
    await dual.person.create({ data: person('bob') })
    // Something that knows no envelopes has written to a sealed row.
    await bare.person.update({ where: { id: 'bob' }, data: { email: 'eve@example.org' } })
    expect(await dual.person.findMany({ where: { email: 'eve@example.org' } })).toEqual([])
    expect(await dual.person.findUnique({ where: { email: 'eve@example.org' } })).toBeNull()
    expect(await dual.person.count({ where: { email: { not: 'eve@example.org' } } })).toBe(2)
    await plain.person.create({ data: person('fay') })
    expect(await dual.person.findUnique({ where: { email: 'fay@example.org' } })).toMatchObject({ id: 'fay' })
  })

  test('is searched as it is spelt, and refuses another spelling of one value', async () => {
    const patient = { id: 'p', email: 'p@example.org', fullName: 'p', ward: 'w' }
    await plain.patient.create({ data: patient })
    expect(await dual.patient.findMany({ where: { email: 'P@example.org' } })).toEqual([])
    expect(await dual.patient.count({ where: { email: { equals: 'P@Example.org', mode: 'insensitive' } } })).toBe(1)
    const twin = { ...patient, id: 'q', email: ' P@EXAMPLE.org ' }
    expect(await failureOf(sql, () => dual.patient.create({ data: twin }))).toMatchObject({ code: 'P2002' })
    await dual.patient.update({ where: { id: 'p' }, data: { email: patient.email } })
    expect(await dual.patient.findMany({ where: { email: 'P@example.org' } })).toHaveLength(1)
    expect(await failureOf(sql, () => plain.patient.create({ data: twin }))).toMatchObject({ code: 'P2002' })
  })

  test('yields to the sealed row where two rows have one value', async () => {
    await dual.person.create({ data: { ...person('bob'), id: 'sealed' } })
    await bare.person.create({ data: { ...person('bob'), id: 'a-plain-one' } })
    expect(await dual.person.findUnique({ where: { email: 'bob@example.org' } })).toMatchObject({ id: 'sealed' })
    expect(await plain.person.findUnique({ where: { email: 'bob@example.org' } })).toMatchObject({ id: 'sealed' })
    expect(await dual.person.count({ where: { email: 'bob@example.org' } })).toBe(2)
  })

  test('is found in rows that were sealed before the field was annotated', async () => {
    const before = client({ mode: { 'Patient.ssn': 'plain' } })
    const after = client({ mode: { 'Patient.ssn': 'dual' } })
    const patient = (id: string) => ({ id, email: id, fullName: id, ward: 'w', ssn: `ssn of ${id}` })
    await before.patient.create({ data: patient('early') })
    await after.patient.create({ data: patient('late') })
    expect(await sql(`SELECT id, ssn LIKE '~%' AS sealed, envelope IS NOT NULL AS enveloped FROM "Patient" ORDER BY id`)).toEqual(
      [
        { id: 'early', sealed: false, enveloped: true },
        { id: 'late', sealed: true, enveloped: true },
      ],
    )
    for (const db of [before, after]) {
      for (const id of ['early', 'late']) {
        expect(await db.patient.findMany({ where: { ssn: `ssn of ${id}` }, select: { id: true, ssn: true } })).toEqual([
          { id, ssn: `ssn of ${id}` },
        ])
        expect(await db.patient.count({ where: { email: id, ssn: `ssn of ${id}` } })).toBe(1)
        expect(await db.patient.findUnique({ where: { email: id, ssn: `ssn of ${id}` }, select: { id: true } })).toEqual({ id })
        expect(await db.patient.findUnique({ where: { email: id, ssn: 'of another' } })).toBeNull()
        expect(await db.patient.count({ where: { NOT: { ssn: `ssn of ${id}` } } })).toBe(1)
        expect(await db.patient.count({ where: { ssn: { not: `ssn of ${id}` } } })).toBe(1)
      }
    }
  })
})

test('a client with one connection does without another', async () => {
  const db = extend(createBareClient(database, 1), { keys, indexKey: { current: b, others: [a] } })
  await db.person.upsert({ where: { email: 'ada@example.org' }, create: person('ada'), update: { rank: 3 } })
  await db.person.createMany({ data: [person('bob'), person('ada')], skipDuplicates: true })
  expect(await db.person.findMany({ orderBy: { id: 'asc' }, select: { id: true, rank: true } })).toEqual([
    { id: 'ada', rank: 3 },
    { id: 'bob', rank: 0 },
  ])
})
