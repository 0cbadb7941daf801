import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { adapterOf, omit, PrismaClient } from '../../support/client.ts'
import { createBareClient, createEncryptedClient, type EncryptedClient, extend } from '../../support/encrypted-client.ts'

const { database, keys, indexKey, prisma, client, sql } = await createEncryptedClient('concurrency')

type Wide = Record<string, string | null>

const WRITERS = 64
const field = (n: number) => `c${String(n + 1).padStart(3, '0')}`
const fields = Array.from({ length: WRITERS }, (_, n) => field(n))

/** A row that many write to, each another field. */
async function shared() {
  const { id } = await prisma.wide.create({ data: {} })
  const read = async () => (await client().wide.findUnique({ where: { id } })) as unknown as Wide | null
  return { where: { id }, read }
}

const expected = Object.fromEntries(fields.map((name) => [name, `written by ${name}`]))
const valueOf = (name: string) => ({ [name]: `written by ${name}` })

/** Connections enough that all writers are in the database at once. */
const wide = () => extend(createBareClient(database, WRITERS + 2), { keys, indexKey })

describe(`${WRITERS} concurrent partial updates of different fields of one row`, () => {
  test('lose none', async () => {
    const { where, read } = await shared()
    const many = wide()
    await Promise.all(fields.map((name) => many.wide.update({ where, data: valueOf(name) })))
    expect(await read()).toMatchObject(expected)
  })

  test('lose none from clients that share nothing', async () => {
    const { where, read } = await shared()
    const processes = Array.from({ length: 4 }, () => client())
    const update = (name: string, i: number) =>
      Promise.resolve(processes[i % 4]?.wide.update({ where, data: valueOf(name), select: { id: true } }))
    await Promise.all(fields.map(update))
    expect(await read()).toMatchObject(expected)
  })

  test('lose none in interactive transactions at ReadCommitted', async () => {
    const { where, read } = await shared()
    const many = wide()
    const options = { isolationLevel: 'ReadCommitted', maxWait: 60_000, timeout: 60_000 } as const
    await Promise.all(
      fields.map((name) => many.$transaction(async (tx) => void (await tx.wide.update({ where, data: valueOf(name) })), options)),
    )
    expect(await read()).toMatchObject(expected)
  })

  test('lose none in one interactive transaction', async () => {
    const { where, read } = await shared()
    await prisma.$transaction(
      async (tx) => void (await Promise.all(fields.map((name) => tx.wide.update({ where, data: valueOf(name) })))),
      {
        timeout: 60_000,
      },
    )
    expect(await read()).toMatchObject(expected)
  })

  test('each answer with a row that holds their own value, also where others of the same transaction write beside them', async () => {
    const { where } = await shared()
    const answers = await prisma.$transaction(
      (tx) => Promise.all(fields.map((name) => tx.wide.update({ where, data: valueOf(name) }))),
      { timeout: 60_000 },
    )
    answers.forEach((answer, i) => expect(answer).toMatchObject(valueOf(field(i))))
  })

  test('are P2034 for those that lose at RepeatableRead, and what was acknowledged is there', async () => {
    const { where, read } = await shared()
    const many = wide()
    const options = { isolationLevel: 'RepeatableRead', maxWait: 60_000, timeout: 60_000 } as const
    const outcomes = await Promise.allSettled(
      fields.map((name) =>
        many.$transaction(async (tx) => {
          await tx.wide.findUnique({ where })
          await tx.wide.update({ where, data: valueOf(name) })
        }, options),
      ),
    )
    const row = await read()
    outcomes.forEach((outcome, i) => {
      const name = field(i)
      expect(row?.[name]).toBe(outcome.status === 'fulfilled' ? expected[name] : null)
      expect(outcome).toMatchObject(outcome.status === 'rejected' ? { reason: { code: 'P2034' } } : {})
    })
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(0)
  })
})

describe('partial and full updates that race', () => {
  const full = (fullName: string) => ({
    email: `race@example.org`,
    ssn: null,
    fullName,
    birthDate: null,
    history: { by: fullName },
    notes: null,
  })

  /** Rows that some order of the writes, one after the other, would leave. */
  function serial(writes: readonly object[]): readonly object[] {
    if (writes.length === 0) return [{}]
    return writes.flatMap((last, i) => serial(writes.toSpliced(i, 1)).map((row) => ({ ...row, ...last })))
  }

  test('leave a row that opens, and that some order of them would have left', async () => {
    await prisma.patient.create({ data: { id: 'race', email: 'race@example.org', fullName: '', ward: '' } })
    const racing = wide()
    const write = fc.oneof(
      fc.constantFrom('f1', 'f2').map(full),
      fc.constantFrom('p1', 'p2').map((fullName) => ({ fullName })),
      fc.constantFrom('n1', 'n2').map((notes) => ({ notes })),
      fc.constantFrom('s1', 's2').map((ssn) => ({ ssn })),
      fc.constantFrom('w1', 'w2').map((ward) => ({ ward })),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(write, { minLength: 2, maxLength: 5 }), async (writes) => {
        const start = { ...full('start'), ward: 'start' }
        await prisma.patient.update({ where: { id: 'race' }, data: start })
        await Promise.all(writes.map((data) => racing.patient.update({ where: { id: 'race' }, data })))
        const row = await client().patient.findUnique({
          where: { id: 'race' },
          omit: { id: true, createdAt: true, doctorId: true },
        })
        expect(serial(writes).map((outcome) => ({ ...start, ...outcome }))).toContainEqual(row)
        expect(await prisma.patient.count({ where: { ssn: row?.ssn ?? null } })).toBe(1)
      }),
      { numRuns: 40 },
    )
  })

  test('keep tokens in the scope that the row ends up in', async () => {
    await prisma.tenant.createMany({
      data: [
        { id: 1, name: 'a' },
        { id: 2, name: 'b' },
      ] as never,
    })
    await prisma.member.create({ data: { id: 'race', tenantId: 1, email: 'start@example.org' } })
    const racing = wide()
    for (let round = 0; round < 20; round += 1) {
      const email = `round${round}@example.org`
      await Promise.all([
        racing.member.update({ where: { id: 'race' }, data: { tenantId: 1 + (round % 2) } }),
        racing.member.update({ where: { id: 'race' }, data: { email } }),
        racing.member.update({ where: { id: 'race' }, data: { nickname: email } }),
      ])
      const tenantId = 1 + (round % 2)
      const found = await client().member.findUnique({ where: { tenantId_email: { tenantId, email } } })
      expect(found).toEqual({ id: 'race', tenantId, email, nickname: email, role: 'reader' })
    }
  })
})

test('a delete that races with updates ends them with P2025, and the row stays away', async () => {
  const racing = wide()
  for (let round = 0; round < 10; round += 1) {
    const { where, read } = await shared()
    const updates = fields.slice(0, 8).map((name) => racing.wide.update({ where, data: valueOf(name) }))
    const [deleted, ...outcomes] = await Promise.allSettled([racing.wide.delete({ where }), ...updates])
    expect(deleted).toMatchObject({ status: 'fulfilled' })
    const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
    expect(failures).toEqual(failures.map(() => expect.objectContaining({ code: 'P2025' })))
    expect(await read()).toBeNull()
  }
})

describe('an update between whose read and write others write', () => {
  /** A client on a database that does something else, `meddle`, after each statement that reads such a row. */
  const meddling = (meddle: () => Promise<unknown>): EncryptedClient =>
    meddlingAfter(async (statement) => {
      if (statement.startsWith('SELECT')) await meddle()
    })

  /** A client on a database that does something else after each statement. */
  function meddlingAfter(meddle: (statement: string) => Promise<unknown>): EncryptedClient {
    const client = new PrismaClient({ adapter: afterEach(adapterOf(database.url), meddle), omit })
    afterAll(() => client.$disconnect())
    return extend(client, { keys, indexKey })
  }

  function afterEach(
    factory: ReturnType<typeof adapterOf>,
    meddle: (statement: string) => Promise<unknown>,
  ): ReturnType<typeof adapterOf> {
    const watched = <T extends { queryRaw: unknown }>(queryable: T): T =>
      intercepted(queryable, 'queryRaw', async (query, statement) => {
        const rows = await query(statement)
        await meddle((statement as { sql: string }).sql)
        return rows
      })
    return intercepted(factory, 'connect', async (connect) => {
      const connection = (await connect()) as Awaited<ReturnType<typeof factory.connect>>
      return intercepted(watched(connection), 'startTransaction', async (start, isolationLevel) =>
        watched((await start(isolationLevel)) as typeof connection),
      )
    })
  }

  /** The same object, but for one method. */
  function intercepted<T extends object>(
    target: T,
    method: keyof T,
    instead: (method: (argument?: unknown) => Promise<unknown>, argument: unknown) => Promise<unknown>,
  ): T {
    return new Proxy(target, {
      get(_, name) {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        const own = (...values: unknown[]): Promise<unknown> => Reflect.apply(value, target, values) as Promise<unknown>
        return name === method ? (argument: unknown) => instead(own, argument) : own
      },
    })
  }

  test('gives up with CONFLICT when it loses every time, and writes nothing', async () => {
    const { where, read } = await shared()
    let reads = 0
    const meddled = meddling(async () => {
      reads += 1
      await prisma.wide.update({ where, data: { c002: `rival ${reads}` } })
    })
    await expect(meddled.wide.update({ where, data: { c001: 'never' } })).rejects.toMatchObject({
      code: 'CONFLICT',
      model: 'Wide',
      operation: 'update',
      message: expect.not.stringContaining('never'),
    })
    expect(await read()).toMatchObject({ c001: null, c002: `rival ${reads}` })
    expect(reads).toBe(100)
  })

  test('ends with P2025 when the row is deleted meanwhile', async () => {
    const { where, read } = await shared()
    const meddled = meddling(() => prisma.wide.deleteMany({ where }))
    await expect(meddled.wide.update({ where, data: { c001: 'never' } })).rejects.toMatchObject({ code: 'P2025' })
    expect(await read()).toBeNull()
  })

  test('never seals over an envelope that was lost or replaced meanwhile', async () => {
    const { where, read } = await shared()
    await prisma.wide.update({ where, data: { c002: 'there' } })
    const [before] = await sql(`SELECT envelope FROM "Wide" WHERE id = $1`, [where.id])
    const lost = meddling(() => sql(`UPDATE "Wide" SET envelope = NULL WHERE id = $1`, [where.id]))
    await expect(lost.wide.update({ where, data: { c001: 'never' } })).rejects.toMatchObject({ code: 'PLAINTEXT_FOUND' })
    expect(await sql(`SELECT envelope, c001 FROM "Wide" WHERE id = $1`, [where.id])).toEqual([{ envelope: null, c001: null }])
    await sql(`UPDATE "Wide" SET envelope = $2 WHERE id = $1`, [where.id, before?.['envelope']])
    expect(await read()).toMatchObject({ c001: null, c002: 'there' })
  })

  test('is P2025 where the row appears only after it was looked for, and writes nothing', async () => {
    const id = 'late'
    const meddled = meddling(async () => {
      if ((await prisma.person.count({ where: { id } })) === 0) await prisma.person.create({ data: newcomer(id) })
    })
    const data = { name: 'never', locker: { update: { code: 'never' } } }
    await expect(meddled.person.update({ where: { id }, data })).rejects.toMatchObject({ code: 'P2025' })
    expect(await client().person.findUnique({ where: { id } })).toMatchObject({ name: 'late' })
  })

  test('is P2025 where a row below it appears only after it was looked for, and writes nothing', async () => {
    await prisma.person.create({ data: newcomer('parent') })
    const appearing = { id: 77, title: 'a letter', authorId: 'parent' }
    const meddled = meddlingAfter(async (statement) => {
      if (
        statement.startsWith('SELECT') &&
        statement.includes('"Letter"') &&
        (await prisma.letter.count({ where: { id: 77 } })) === 0
      )
        await prisma.letter.create({ data: appearing })
    })
    const data = { name: 'never', letters: { update: { where: { id: 77 }, data: { title: 'never' } } } }
    const failed = meddled.person.update({ where: { id: 'parent' }, data })
    await expect(failed).rejects.toMatchObject({ code: 'P2025' })
    expect(await client().person.findUnique({ where: { id: 'parent' }, include: { letters: true } })).toMatchObject({
      name: 'parent',
      letters: [{ title: 'a letter' }],
    })
  })

  const newcomer = (id: string) => ({ id, email: `${id}@example.org`, name: id })

  test('answers an upsert with the row that it made, whoever came before and comes after', async () => {
    const where = { email: 'mine@example.org' }
    const rival = { ...newcomer('rival'), ...where }
    const statements: string[] = []
    const meddled = meddlingAfter(async (statement) => {
      const kind = statement.split(' ', 1)[0] ?? ''
      statements.push(kind)
      const inserts = statements.filter((other) => other === 'INSERT').length
      if (kind === 'SELECT' && inserts === 0) await prisma.person.create({ data: rival })
      else if (kind === 'INSERT' && inserts === 1) await prisma.person.delete({ where })
      else if (kind === 'INSERT') await prisma.person.update({ where, data: { name: 'changed at once' } })
    })
    const mine = { ...newcomer('mine'), ...where }
    expect(await meddled.person.upsert({ where, create: mine, update: { name: 'never' } })).toMatchObject(mine)
    expect(statements).toEqual(['SELECT', 'INSERT', 'SELECT', 'INSERT'])
    expect(await client().person.findUnique({ where })).toMatchObject({ id: 'mine', name: 'changed at once' })
  })
})

describe.each([
  ['40001', 'a write conflict'],
  ['40P01', 'a deadlock'],
])('%s, %s, of the statement that writes envelopes', (state) => {
  /** Fails the first such statements for good, as PostgreSQL does with transactions that it can't serialize. */
  async function failing(times: number): Promise<void> {
    await sql(`CREATE OR REPLACE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF NEW.sealed_envelope IS DISTINCT FROM OLD.sealed_envelope AND nextval('failures') <= ${times} THEN
          RAISE EXCEPTION USING ERRCODE = '${state}', MESSAGE = 'could not serialize access';
        END IF;
        RETURN NEW;
      END $$`)
    await sql(`DROP SEQUENCE IF EXISTS failures`)
    await sql(`CREATE SEQUENCE failures`)
    await sql(`CREATE OR REPLACE TRIGGER fail_once BEFORE UPDATE ON "persons" FOR EACH ROW EXECUTE FUNCTION fail_once()`)
  }
  afterAll(() => sql(`DROP TRIGGER IF EXISTS fail_once ON "persons"`))

  const id = `conflict ${state}`
  const update = (db: Pick<EncryptedClient, 'person'>, name: string) => db.person.updateMany({ where: { id }, data: { name } })

  test('is P2034 in the transaction of the caller, who may try again, and is tried again outside of one', async () => {
    await prisma.person.create({ data: { id, email: `${id}@example.org`, name: 'before' } })
    await failing(1)
    await expect(prisma.$transaction((tx) => update(tx, 'never'))).rejects.toMatchObject({ code: 'P2034' })
    expect(await client().person.findUnique({ where: { id } })).toMatchObject({ name: 'before' })
    await failing(3)
    expect(await update(prisma, 'after')).toEqual({ count: 1 })
    expect(await client().person.findUnique({ where: { id } })).toMatchObject({ name: 'after' })
  })
})
