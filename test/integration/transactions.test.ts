import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Prisma as Types } from '../generated/7/client/client.ts'
import { createBareClient, createEncryptedClient, type EncryptedClient, extend } from '../support/encrypted-client.ts'
import { createLoggedClient } from '../support/query-log.ts'
import { failureOf } from '../support/refused.ts'

const { database, prisma, client, keys, indexKey, sql } = await createEncryptedClient('transactions')

let count = 0

/** A fresh patient outside any transaction. */
async function seeded() {
  count += 1
  const id = `patient ${count}`
  await prisma.patient.create({ data: newcomer(id) })
  return id
}

function newcomer(id: string) {
  return { id, email: `${id}@example.org`, ssn: id, fullName: 'Before', notes: 'untouched', ward: 'B2' }
}

const rollBack = new Error('roll back')
const all = (id: string, fullName: string) => ({
  email: `${id}@example.org`,
  ssn: id,
  fullName,
  birthDate: null,
  history: 1,
  notes: 'all',
})

describe('an interactive transaction', () => {
  test('reads its own writes, which nobody else sees before it commits', async () => {
    const other = client()
    await prisma.$transaction(async (tx) => {
      await tx.patient.create({ data: { ...newcomer('own'), conditions: { create: { code: 'A', description: 'a' } } } })
      await tx.patient.update({ where: { id: 'own' }, data: { fullName: 'Within' } })
      await tx.patient.update({ where: { email: 'own@example.org' }, data: { ssn: 'within' } })
      await tx.patient.update({ where: { id: 'own' }, data: { ...all('own', 'Whole'), ssn: 'within' } })
      const found = await tx.patient.findFirst({ where: { ssn: 'within' }, include: { conditions: true } })
      expect(found).toMatchObject({ fullName: 'Whole', notes: 'all', conditions: [{ code: 'A', description: 'a' }] })
      expect(await other.patient.findUnique({ where: { id: 'own' } })).toBeNull()
    })
    expect(await other.patient.findUnique({ where: { id: 'own' } })).toMatchObject({ fullName: 'Whole', ssn: 'within' })
  })

  test('leaves nothing behind when it rolls back', async () => {
    const id = await seeded()
    const error = await failureOf(sql, () =>
      prisma.$transaction(async (tx) => {
        await tx.patient.create({ data: newcomer('rolled back') })
        await tx.patient.createMany({ data: [newcomer('rolled back, too')] })
        await tx.patient.update({ where: { id }, data: { fullName: 'Lost' } })
        await tx.patient.update({ where: { id }, data: all(id, 'Lost') })
        await tx.condition.create({ data: { code: 'X', description: 'x', patientId: id } })
        await tx.patient.delete({ where: { id } })
        throw rollBack
      }),
    )
    expect(error).toBe(rollBack)
  })

  test('sends all that an update takes on its own connection', async () => {
    const id = await seeded()
    const single = extend(createBareClient(database, 1), { keys, indexKey })
    const found = await single.$transaction(async (tx) => {
      await tx.patient.create({ data: newcomer('single') })
      await tx.patient.update({ where: { id: 'single' }, data: { fullName: 'Single' } })
      await Promise.all([
        tx.patient.update({ where: { id }, data: { notes: 'one' } }),
        tx.patient.update({ where: { id }, data: { fullName: 'two' } }),
        tx.patient.findMany({ include: { conditions: true } }),
      ])
      await tx.patient.update({ where: { id }, data: all(id, 'Whole') })
      await tx.patient.createMany({ data: [newcomer('single, too')] })
      await tx.patient.delete({ where: { email: 'single, too@example.org' } })
      return tx.patient.findMany({ where: { id: { in: [id, 'single'] } }, orderBy: { id: 'asc' }, select: { fullName: true } })
    })
    expect(found).toEqual([{ fullName: 'Whole' }, { fullName: 'Single' }])
    await single.patient.update({ where: { id }, data: { fullName: 'Outside' } })
    expect(await single.patient.findUnique({ where: { id } })).toMatchObject({ fullName: 'Outside', notes: 'all' })
  })

  test.each(['ReadUncommitted', 'ReadCommitted', 'RepeatableRead', 'Serializable'] as const)(
    'runs at isolation level %s',
    async (isolationLevel) => {
      const id = await seeded()
      const level = await prisma.$transaction(
        async (tx) => {
          await tx.patient.update({ where: { id }, data: { fullName: isolationLevel } })
          await tx.patient.update({ where: { id }, data: { ssn: isolationLevel } })
          return tx.$queryRaw<unknown[]>`SHOW transaction_isolation`
        },
        { isolationLevel },
      )
      expect(level).toEqual([{ transaction_isolation: isolationLevel.replace(/(?<=[a-z])(?=[A-Z])/, ' ').toLowerCase() }])
      expect(await prisma.patient.findUnique({ where: { id } })).toMatchObject({
        fullName: isolationLevel,
        ssn: isolationLevel,
        notes: 'untouched',
      })
    },
  )

  test('that runs out of time writes nothing', async () => {
    const id = await seeded()
    const error = await failureOf(sql, () =>
      prisma.$transaction(
        async (tx) => {
          await tx.patient.update({ where: { id }, data: { fullName: 'Late' } })
          await sleep(400)
          await tx.patient.update({ where: { id }, data: { fullName: 'Later' } })
        },
        { timeout: 200 },
      ),
    )
    expect(error).toMatchObject({ name: 'PrismaClientKnownRequestError', code: 'P2028' })
  })

  test('goes on after what the extension refuses and after rows that are not found', async () => {
    const id = await seeded()
    await prisma.$transaction(async (tx) => {
      await expect(tx.patient.findMany({ orderBy: { fullName: 'asc' } })).rejects.toMatchObject({ code: 'UNSUPPORTED' })
      await expect(tx.patient.update({ where: { id: 'nobody' }, data: { fullName: 'x' } })).rejects.toMatchObject({
        code: 'P2025',
      })
      await expect(tx.patient.update({ where: { id: 'nobody' }, data: all('nobody', 'x') })).rejects.toMatchObject({
        code: 'P2025',
      })
      await tx.patient.update({ where: { id }, data: { fullName: 'After' } })
    })
    expect(await prisma.patient.findUnique({ where: { id } })).toMatchObject({ fullName: 'After' })
  })

  test('runs everything that is started in one turn, though updates among it race with each other', async () => {
    const id = await seeded()
    await prisma.$transaction(async (tx) => {
      await Promise.all([
        tx.patient.update({ where: { id }, data: { fullName: 'One' } }),
        tx.patient.update({ where: { id }, data: { notes: 'Two' } }),
        tx.patient.update({ where: { email: `${id}@example.org` }, data: { history: [3] } }),
        tx.tag.create({ data: { label: id } }),
        tx.patient.create({ data: newcomer(`${id} beside`) }),
        tx.patient.update({ where: { id }, data: { ward: 'D4' } }),
      ])
    })
    expect(await prisma.patient.findUnique({ where: { id } })).toMatchObject({
      fullName: 'One',
      notes: 'Two',
      history: [3],
      ward: 'D4',
    })
    expect(await prisma.tag.count({ where: { label: id } })).toBe(1)
    expect(await prisma.patient.count({ where: { id: `${id} beside` } })).toBe(1)
  })

  test('gives results with relations, by any key, also of what changes the key', async () => {
    const id = await seeded()
    await prisma.condition.create({ data: { patientId: id, code: 'T', description: 't' } })
    await prisma.tenant.createMany({ data: [{ name: 'one' }, { name: 'two' }] })
    await prisma.member.create({ data: { id: 'm', tenantId: 1, email: 'm@example.org' } })
    await prisma.compoundKey.create({ data: { region: 'eu', number: 1, secret: 's' } })
    await prisma.uniqueOnly.create({ data: { slug: 'a', secret: 's' } })
    await prisma.$transaction(async (tx) => {
      const include = { conditions: { select: { code: true, patient: { select: { notes: true } } } }, _count: true } as const
      expect(await tx.patient.update({ where: { id }, data: { notes: 'now' }, include })).toMatchObject({
        notes: 'now',
        conditions: [{ code: 'T', patient: { notes: 'now' } }],
        _count: { conditions: 1 },
      })
      const key = { tenantId_email: { tenantId: 1, email: 'M@example.org' } }
      expect(
        await tx.member.update({
          where: key,
          data: { tenantId: 2, id: 'n', email: 'n@example.org' },
          select: { id: true, tenant: true },
        }),
      ).toEqual({
        id: 'n',
        tenant: { id: 2, name: 'two' },
      })
      const region = { region_number: { region: 'eu', number: 1 } }
      expect(
        await tx.compoundKey.update({
          where: { ...region, NOT: { number: 5 } },
          data: { number: { set: 2 }, secret: 't' },
        }),
      ).toEqual({
        region: 'eu',
        number: 2,
        secret: 't',
      })
      expect(await tx.uniqueOnly.update({ where: { slug: 'a', NOT: { slug: 'b' } }, data: { slug: 'c', secret: 't' } })).toEqual({
        slug: 'c',
        secret: 't',
      })
    })
    expect(
      await client().member.findUnique({ where: { tenantId_email: { tenantId: 2, email: 'n@example.org' } } }),
    ).toMatchObject({ id: 'n' })
    expect(await client().uniqueOnly.findUnique({ where: { slug: 'c' } })).toEqual({ slug: 'c', secret: 't' })
  })

  test('connects beside encrypted fields', async () => {
    const id = await seeded()
    const doctor = await prisma.doctor.create({ data: { name: 'D' } })
    const inside = (data: Types.PatientUpdateInput) =>
      prisma.$transaction((tx) => tx.patient.update({ where: { id }, data, include: { doctor: true } }))
    expect(await inside({ notes: 'given', doctor: { connect: { id: doctor.id } } })).toMatchObject({ notes: 'given', doctor })
    expect(await inside({ notes: 'alone', doctor: { disconnect: true } })).toMatchObject({ notes: 'alone', doctor: null })
  })

  test('does not draw in what the outer client does meanwhile', async () => {
    const [inside, outside] = [await seeded(), await seeded()]
    await prisma
      .$transaction(async (tx) => {
        await tx.patient.update({ where: { id: inside }, data: { fullName: 'Inside' } })
        await prisma.patient.update({ where: { id: outside }, data: { fullName: 'Outside' } })
        throw rollBack
      })
      .catch(() => {})
    expect(await prisma.patient.findUnique({ where: { id: inside } })).toMatchObject({ fullName: 'Before' })
    expect(await prisma.patient.findUnique({ where: { id: outside } })).toMatchObject({ fullName: 'Outside' })
  })
})

describe('a batch transaction', () => {
  test('runs operations of one query in order, all in one transaction, raw queries among them', async () => {
    const id = await seeded()
    const log = createLoggedClient(database)
    const logged = extend(log.bare, { keys, indexKey, raw: 'allow' })
    let results: readonly unknown[] = []
    const statements = await log.during(async () => {
      results = await logged.$transaction([
        logged.patient.create({ data: newcomer(`${id} new`), select: { fullName: true } }),
        logged.patient.findUnique({ where: { email: `${id} new@example.org` }, select: { ssn: true } }),
        logged.$queryRaw`SELECT count(*)::int AS patients FROM "Patient" WHERE id = ${`${id} new`}`,
        logged.patient.update({ where: { id }, data: all(id, 'Batched'), select: { fullName: true } }),
        logged.patient.updateMany({ where: { ssn: id }, data: { ward: 'C3' } }),
        logged.patient.findMany({ where: { ssn: id }, select: { fullName: true, ward: true } }),
        logged.patient.delete({ where: { email: `${id} new@example.org` }, select: { ssn: true } }),
        logged.patient.count({ where: { id: { startsWith: id } } }),
      ])
    })
    expect(results).toEqual([
      { fullName: 'Before' },
      { ssn: `${id} new` },
      [{ patients: 1 }],
      { fullName: 'Batched' },
      { count: 1 },
      [{ fullName: 'Batched', ward: 'C3' }],
      { ssn: `${id} new` },
      1,
    ])
    expect(statements.filter((statement) => statement === 'COMMIT')).toHaveLength(1)
  })

  test('leaves nothing behind when one of its operations fails', async () => {
    const id = await seeded()
    const error = await failureOf(sql, () =>
      prisma.$transaction([
        prisma.patient.create({ data: newcomer('batched') }),
        prisma.patient.update({ where: { id }, data: all(id, 'Lost') }),
        prisma.patient.create({ data: newcomer(id) }),
      ]),
    )
    expect(error).toMatchObject({ code: 'P2002' })
  })

  test('has the isolation level that is asked for', async () => {
    const [, level] = await prisma.$transaction([prisma.patient.count(), prisma.$queryRaw`SHOW transaction_isolation`], {
      isolationLevel: 'Serializable',
    })
    expect(level).toEqual([{ transaction_isolation: 'serializable' }])
  })

  test('of nothing is nothing', async () => {
    expect(await prisma.$transaction([])).toEqual([])
  })

  test.each<[string, (db: EncryptedClient, id: string) => Promise<unknown>]>([
    ['an update of a part of the encrypted fields', (db, id) => db.patient.update({ where: { id }, data: { fullName: 'New' } })],
    ['an update by a token', (db, id) => db.patient.update({ where: { email: `${id}@example.org` }, data: all(id, 'New') })],
    ['updateMany of encrypted fields', (db, id) => db.patient.updateMany({ where: { id }, data: { fullName: 'New' } })],
    ['an upsert', (db, id) => db.patient.upsert({ where: { id }, create: newcomer('x'), update: { fullName: 'New' } })],
    [
      'a nested update',
      (db, id) =>
        db.patient.update({ where: { id }, data: { fullName: 'New', conditions: { create: { code: id, description: id } } } }),
    ],
  ])('runs %s among others, in order, and all or nothing', async (_, operation) => {
    const id = await seeded()
    const batch = (key: string) =>
      prisma.$transaction([
        prisma.patient.create({ data: newcomer(`${id} first`) }),
        operation(prisma, id) as ReturnType<typeof prisma.patient.create>,
        prisma.$queryRaw`SELECT count(*)::int AS patients FROM "Patient" WHERE id = ${`${id} first`}`,
        prisma.patient.update({ where: { id }, data: { notes: 'second' } }),
        prisma.patient.update({ where: { id }, data: { history: ['third'] } }),
        prisma.patient.create({ data: newcomer(key) }),
      ])
    const error = await failureOf(sql, () => batch(id))
    expect(error).toMatchObject({ code: 'P2002' })
    const [, , count, , last] = await batch(`${id} last`)
    expect(count).toEqual([{ patients: 1 }])
    expect(last).toMatchObject({ id, fullName: 'New', notes: 'second', history: ['third'] })
    expect(await client().patient.findUnique({ where: { id } })).toEqual(last)
  })
})
