import { afterAll, describe, expect, test } from 'vitest'
import type { Prisma as Types } from '../generated/7/client/client.ts'
import { adapterOf, omit, Prisma, PrismaClient } from '../support/client.ts'
import { type BareClient, type EncryptedClient, extend } from '../support/encrypted-client.ts'
import { HOUSE, seedHospital } from '../support/hospital.ts'
import { createWatchedClient } from '../support/query-log.ts'
import { createTwins } from '../support/twins.ts'
import { outcomeOf, rolledBack, written } from '../support/written.ts'

const twins = await createTwins('reading')
const { database, kms, keys, indexKey, client, bare, prisma, twin, twinNulls, sql } = twins
await seedHospital(prisma)
await seedHospital(twin, twinNulls)

type Call = (db: EncryptedClient) => Promise<unknown>

/** Asks both clients, and wants the same answer: values, types, order of keys. */
function answersLikePlain(calls: Record<string, Call>, compared: EncryptedClient = prisma): void {
  test.each(Object.entries(calls))('%s', async (_, call) => {
    const expected = await outcomeOf(() => call(twin))
    expect(expected).toMatch(/^returned /)
    expect(await outcomeOf(() => call(compared))).toBe(expected)
  })
}

describe('every read gives what plain Prisma gives:', () => {
  const reads: Record<string, Call> = {
    'findUnique by the primary key': (db) => db.patient.findUnique({ where: { id: 'ada' } }),
    'findUnique by an encrypted unique field': (db) => db.patient.findUnique({ where: { email: 'ada@example.org' } }),
    'findUnique that finds nothing': (db) => db.patient.findUnique({ where: { email: 'nobody@example.org' } }),
    findUniqueOrThrow: (db) => db.patient.findUniqueOrThrow({ where: { id: 'bob' } }),
    findFirst: (db) => db.patient.findFirst({ where: { ward: 'B2' }, orderBy: { id: 'asc' } }),
    'findFirst that finds nothing': (db) => db.patient.findFirst({ where: { ward: 'Z9' } }),
    'findFirst without arguments': (db) => db.patient.findFirst(),
    findFirstOrThrow: (db) => db.patient.findFirstOrThrow({ where: { ward: 'B2' }, orderBy: { id: 'desc' } }),
    findMany: (db) => db.patient.findMany({ orderBy: { id: 'asc' } }),
    'findMany without arguments': (db) => db.condition.findMany(),
    'findMany that finds nothing': (db) => db.patient.findMany({ where: { ward: 'Z9' } }),
    'findMany of a model without encrypted fields': (db) => db.plain.findMany({ where: { count: { gte: 0 } } }),
    count: (db) => db.patient.count(),
    'count of each column': (db) => db.patient.count({ select: { _all: true, notes: true, birthDate: true, history: true } }),
    'aggregate of counts and of plain columns': (db) =>
      db.condition.aggregate({
        _count: { _all: true, code: true, severity: true },
        _max: { severity: true },
        _avg: { severity: true },
        _min: { startedAt: true },
      }),
    'groupBy of a plain column': (db) =>
      db.patient.groupBy({ by: ['ward'], _count: { _all: true, notes: true, ssn: true }, orderBy: { ward: 'asc' } }),
  }
  answersLikePlain(reads)

  test.each(Object.entries(reads))('%s, in an interactive transaction', async (_, call) => {
    expect(await rolledBack(prisma, call)).toBe(await outcomeOf(() => call(twin)))
  })

  test('several of them in a batch transaction', async () => {
    const batch = (db: EncryptedClient) =>
      db.$transaction([
        db.patient.findMany({ orderBy: { id: 'asc' }, include: { conditions: true } }),
        db.patient.count({ where: { ssn: '111-11-1111' } }),
        db.patient.findUnique({ where: { email: 'bob@example.org' }, select: { fullName: true } }),
      ])
    expect(written(await batch(prisma))).toBe(written(await batch(twin)))
  })
})

describe('every write that returns rows gives what plain Prisma gives:', () => {
  const writes: Record<string, Call> = {
    create: (db) =>
      db.patient.create({
        data: { id: 'new', email: 'new@example.org', fullName: 'New One', ward: 'C3', createdAt: new Date(0), doctorId: HOUSE },
        include: { doctor: true, conditions: true, profile: true },
      }),
    createManyAndReturn: (db) =>
      db.member.createManyAndReturn({
        data: [
          { id: 'm8', tenantId: 1, email: 'x@example.org', nickname: 'X' },
          { id: 'm9', tenantId: 2, email: 'y@example.org' },
        ],
        include: { tenant: true },
      }),
    'createManyAndReturn of chosen fields': (db) =>
      db.member.createManyAndReturn({
        data: [{ id: 'm7', tenantId: 1, email: 'z@example.org', nickname: 'Z' }],
        select: { nickname: true },
      }),
    'update of a plain column': (db) =>
      db.patient.update({ where: { id: 'ada' }, data: { ward: 'D4' }, include: { doctor: true } }),
    'update of an encrypted field': (db) =>
      db.patient.update({
        where: { email: 'ada@example.org' },
        data: { fullName: 'Ada King' },
        select: { fullName: true, notes: true },
      }),
    updateManyAndReturn: (db) =>
      db.condition.updateManyAndReturn({ where: { code: 'J11', patientId: 'cem' }, data: { severity: 9 } }),
    'upsert of a model that leads to encrypted ones': (db) =>
      db.tag.upsert({
        where: { id: 1 },
        create: { label: 'never' },
        update: { label: 'hurry' },
        include: { patients: { select: { fullName: true } } },
      }),
    delete: (db) => db.category.delete({ where: { id: 4 }, include: { parent: true } }),
    'delete by an encrypted unique field': (db) =>
      db.patient.delete({ where: { email: 'dea@example.org' }, include: { doctor: true } }),
  }

  test.each(Object.entries(writes))('%s', async (_, call) => {
    const expected = await rolledBack(twin, call)
    expect(expected).toMatch(/^returned /)
    expect(await rolledBack(prisma, call)).toBe(expected)
  })
})

describe('select, include and omit work as with plain Prisma:', () => {
  answersLikePlain({
    'select of one encrypted field': (db) => db.patient.findMany({ select: { fullName: true }, orderBy: { id: 'asc' } }),
    'select of plain fields, found by an encrypted one': (db) =>
      db.patient.findUnique({ where: { email: 'ada@example.org' }, select: { ward: true } }),
    'select of a relation alone': (db) =>
      db.patient.findMany({ select: { conditions: { select: { description: true } } }, orderBy: { id: 'asc' } }),
    'select of a relation by `true`': (db) => db.patient.findMany({ select: { id: true, doctor: true }, orderBy: { id: 'asc' } }),
    'select that unselects': (db) => db.patient.findFirst({ where: { id: 'ada' }, select: { fullName: true, ward: false } }),
    'select of what is undefined': (db) =>
      db.patient.findFirst({
        where: { id: 'ada' },
        select: { fullName: true, conditions: undefined, ward: undefined } as { fullName: true },
      }),
    'select of null': (db) => db.patient.findFirst({ where: { id: 'ada' }, select: null }),
    'include of one level': (db) => db.patient.findMany({ include: { profile: true }, orderBy: { id: 'asc' } }),
    'include of null': (db) => db.patient.findFirst({ where: { id: 'ada' }, include: null }),
    'include of several levels and back to the root': (db) =>
      db.patient.findMany({
        orderBy: { id: 'asc' },
        include: {
          conditions: { include: { patient: { include: { conditions: { select: { code: true, patient: true } } } } } },
          doctor: { include: { patients: { select: { id: true, notes: true }, orderBy: { id: 'asc' } } } },
        },
      }),
    'select below include below select': (db) =>
      db.doctor.findMany({
        orderBy: { id: 'asc' },
        select: {
          patients: {
            orderBy: { id: 'asc' },
            include: { conditions: { orderBy: { id: 'asc' }, select: { description: true } } },
          },
        },
      }),
    'include from a model without encrypted fields': (db) =>
      db.tenant.findMany({ orderBy: { id: 'asc' }, include: { members: { orderBy: { id: 'asc' } } } }),
    'include of a many-to-many relation, from either side': async (db) => [
      await db.tag.findMany({
        orderBy: { id: 'asc' },
        include: { patients: { orderBy: { id: 'asc' }, include: { tags: { orderBy: { id: 'asc' } } } } },
      }),
      await db.patient.findMany({ orderBy: { id: 'asc' }, select: { fullName: true, tags: { orderBy: { id: 'asc' } } } }),
    ],
    'include of a self-relation, both ways': (db) =>
      db.category.findMany({
        orderBy: { id: 'asc' },
        include: { parent: { include: { parent: true } }, children: { orderBy: { id: 'asc' }, include: { children: true } } },
      }),
    'include with conditions, order and limits': (db) =>
      db.patient.findMany({
        orderBy: { id: 'asc' },
        include: { conditions: { where: { code: 'J11' }, orderBy: { startedAt: 'asc' }, take: 1, skip: 0 } },
      }),
    'include that excludes': (db) =>
      db.patient.findFirst({ where: { id: 'ada' }, include: { conditions: false, profile: true } }),
    'omit of an encrypted field': (db) => db.patient.findMany({ omit: { notes: true, ssn: true }, orderBy: { id: 'asc' } }),
    'omit of all encrypted fields': (db) =>
      db.profile.findMany({ omit: { bio: true, phone: true }, orderBy: { patientId: 'asc' } }),
    'omit of what the row is bound to': (db) =>
      db.condition.findMany({ omit: { id: true, patientId: true }, orderBy: { id: 'asc' } }),
    'omit of what the row is bound to, in other words': (db) =>
      db.patient.findMany({ omit: { id: 1, ward: null } as unknown as { id: true }, orderBy: { id: 'asc' } }),
    'omit of null': (db) => db.patient.findFirst({ where: { id: 'ada' }, omit: null }),
    'omit at each level': (db) =>
      db.patient.findMany({
        orderBy: { id: 'asc' },
        omit: { id: true, email: true },
        include: {
          conditions: { omit: { patientId: true, code: true }, orderBy: { id: 'asc' } },
          profile: { omit: { phone: true } },
        },
      }),
    'counts of relations, with filters on encrypted fields': (db) =>
      db.patient.findMany({
        orderBy: { id: 'asc' },
        select: {
          fullName: true,
          _count: { select: { tags: true, conditions: { where: { code: 'J11' } } } },
        },
      }),
    'all counts of relations': (db) => db.patient.findMany({ orderBy: { id: 'asc' }, include: { _count: true } }),
    'counts of relations below relations': (db) =>
      db.doctor.findMany({
        orderBy: { id: 'asc' },
        include: { patients: { orderBy: { id: 'asc' }, select: { fullName: true, _count: { select: { conditions: true } } } } },
      }),
  })

  test.each(['select', 'include'])('an empty `%s` is refused by Prisma as ever', async (argument) => {
    const read = (db: EncryptedClient) => db.patient.findFirst({ where: { email: 'ada@example.org' }, [argument]: {} })
    expect(await outcomeOf(() => read(prisma))).toBe(await outcomeOf(() => read(twin)))
  })

  test.each<[string, unknown]>([
    ['true in other words', 1],
    ['an empty list', []],
    ['a text', 'yes'],
    ['a list of conditions', [{ take: 1 }]],
  ])('an include of %s does as ever', async (_, conditions) => {
    const read = (db: EncryptedClient) =>
      db.patient.findMany({ orderBy: { id: 'asc' }, include: { conditions } as { conditions: true } })
    expect(await outcomeOf(() => read(prisma))).toBe(await outcomeOf(() => read(twin)))
  })

  test('a list for `omit` is refused by Prisma as ever', async () => {
    const read = (db: EncryptedClient) => db.patient.findFirst({ omit: ['fullName'] as { fullName?: true } })
    expect(await outcomeOf(() => read(twin))).toBe('threw PrismaClientValidationError')
    expect(await outcomeOf(() => read(prisma))).toBe('threw PrismaClientValidationError')
  })

  test('an unknown field is refused by Prisma as ever', async () => {
    await expect(prisma.patient.findFirst({ select: { nothing: true } as object })).rejects.toThrow(
      Prisma.PrismaClientValidationError,
    )
  })
})

describe('the fluent API works as with plain Prisma:', () => {
  answersLikePlain({
    'to a list': (db) => db.patient.findUnique({ where: { email: 'ada@example.org' } }).conditions({ orderBy: { id: 'asc' } }),
    'to one': (db) => db.patient.findUnique({ where: { id: 'ada' } }).profile(),
    'to none': (db) => db.patient.findUnique({ where: { id: 'dea' } }).profile(),
    'from a row that is not there': (db) => db.patient.findUnique({ where: { id: 'nobody' } }).conditions(),
    'through several relations': (db) =>
      db.condition
        .findUnique({ where: { id: 1 } })
        .patient()
        .doctor()
        .patients({ orderBy: { id: 'asc' } }),
    'through a relation that is null': (db) =>
      db.patient
        .findUnique({ where: { id: 'cem' } })
        .doctor()
        .patients(),
    'through plain models': (db) => db.tag.findUnique({ where: { id: 1 } }).patients(),
    'with arguments of its own': (db) =>
      db.patient
        .findUnique({ where: { id: 'ada' } })
        .conditions({ where: { code: 'M54' }, select: { description: true, patient: { select: { fullName: true } } } }),
    'from findFirst and findFirstOrThrow': async (db) => [
      await db.patient.findFirst({ where: { ward: 'A1' }, orderBy: { id: 'asc' } }).doctor(),
      await db.patient.findFirstOrThrow({ where: { ward: 'A1' }, orderBy: { id: 'asc' } }).tags({ orderBy: { id: 'asc' } }),
    ],
    'from update': (db) => db.patient.update({ where: { id: 'ada' }, data: { ward: 'A1' } }).profile(),
  })

  test('from a row that must be there', async () => {
    const read = (db: EncryptedClient) => db.patient.findUniqueOrThrow({ where: { id: 'nobody' } }).conditions()
    expect(await outcomeOf(() => read(prisma))).toBe(await outcomeOf(() => read(twin)))
  })
})

describe('pages and distinct values', () => {
  answersLikePlain({
    'skip and take': (db) => db.condition.findMany({ orderBy: { id: 'asc' }, skip: 1, take: 2 }),
    'take from the end': (db) => db.condition.findMany({ orderBy: { id: 'asc' }, take: -2 }),
    'a cursor of the primary key': (db) => db.condition.findMany({ orderBy: { id: 'asc' }, cursor: { id: 2 }, skip: 1, take: 2 }),
    'a cursor of an encrypted unique field': (db) =>
      db.patient.findMany({ orderBy: { id: 'asc' }, cursor: { email: 'bob@example.org' }, take: 2 }),
    'a cursor of a compound unique key with an encrypted field': (db) =>
      db.member.findMany({
        orderBy: { id: 'asc' },
        cursor: { tenantId_email: { tenantId: 1, email: 'fay@example.org' } },
        select: { nickname: true },
      }),
    'a cursor below a relation': (db) =>
      db.doctor.findUnique({
        where: { id: HOUSE },
        select: { patients: { orderBy: { id: 'asc' }, cursor: { email: 'bob@example.org' }, select: { fullName: true } } },
      }),
    'distinct values of a plain field': (db) => db.patient.findMany({ orderBy: { id: 'asc' }, distinct: ['ward'] }),
    'distinct values of a searchable field': (db) => db.patient.findMany({ orderBy: { id: 'asc' }, distinct: ['ssn'] }),
    'distinct values of a searchable field, by its bare name': (db) =>
      db.patient.findMany({ orderBy: { id: 'asc' }, distinct: 'ssn', select: { fullName: true } }),
    'distinct values of a scoped field and its scope': (db) =>
      db.member.findMany({ orderBy: { id: 'asc' }, distinct: ['tenantId', 'email'] }),
    'distinct values below a relation': (db) =>
      db.doctor.findMany({
        orderBy: { id: 'asc' },
        select: { patients: { orderBy: { id: 'asc' }, distinct: ['ssn'], select: { ssn: true } } },
      }),
    'an order by plain columns, relations and counts': (db) =>
      db.patient.findMany({
        orderBy: [{ doctor: { id: 'asc' } }, { conditions: { _count: 'desc' } }, { id: 'desc' }],
        select: { fullName: true },
      }),
  })
})

describe('what is not found is Prisma’s own error:', () => {
  const missing: Record<string, Call> = {
    findUniqueOrThrow: (db) => db.patient.findUniqueOrThrow({ where: { id: 'nobody' } }),
    'findUniqueOrThrow by an encrypted field': (db) => db.patient.findUniqueOrThrow({ where: { email: 'nobody@example.org' } }),
    findFirstOrThrow: (db) => db.condition.findFirstOrThrow({ where: { code: 'Z99' } }),
    delete: (db) => db.patient.delete({ where: { email: 'nobody@example.org' } }),
    update: (db) => db.patient.update({ where: { email: 'nobody@example.org' }, data: { ward: 'A1' } }),
  }
  test.each(Object.entries(missing))('%s', async (_, call) => {
    await expect(call(prisma)).rejects.toThrow(Prisma.PrismaClientKnownRequestError)
    expect(await outcomeOf(() => call(prisma))).toBe(await outcomeOf(() => call(twin)))
    expect(await rolledBack(prisma, call)).toBe(await rolledBack(twin, call))
  })
})

describe('the envelope', () => {
  const nothing = new PrismaClient({ adapter: adapterOf(database.url) })
  afterAll(() => nothing.$disconnect())
  const unhiding = extend(nothing as BareClient, { keys, indexKey })

  test('is in no result, even if the client does not omit it', async () => {
    const deep = { include: { conditions: true, doctor: { include: { patients: true } }, profile: true, tags: true } } as const
    expect(written(await unhiding.patient.findMany(deep))).toBe(written(await twin.patient.findMany(deep)))
  })

  test('comes back raw if it is selected', async () => {
    const [row] = await sql(`SELECT envelope FROM "Patient" WHERE id = 'ada'`)
    expect(await prisma.patient.findUnique({ where: { id: 'ada' }, select: { envelope: true } })).toEqual(row)
    expect(await prisma.patient.findUnique({ where: { id: 'ada' }, select: { envelope: true, fullName: true } })).toEqual({
      ...row,
      fullName: 'Ada Lovelace',
    })
    expect(await prisma.patient.findUnique({ where: { id: 'ada' }, omit: { envelope: false } })).toMatchObject({
      ...row,
      fullName: 'Ada Lovelace',
    })
  })

  test('comes back raw from below a relation, and under another name of its column', async () => {
    const [{ condition_envelope: envelope } = {}] = await sql('SELECT condition_envelope FROM conditions WHERE condition_id = 1')
    const [{ envelope_v1: sealed } = {}] = await sql('SELECT envelope_v1 FROM "Contact" WHERE id = 1')
    expect(envelope).toMatchObject({ v: 1, kid: 'pii' })
    expect(
      await prisma.patient.findUnique({
        where: { id: 'ada' },
        select: { conditions: { select: { envelope: true }, where: { id: 1 } } },
      }),
    ).toEqual({ conditions: [{ envelope }] })
    expect(await prisma.contact.findUnique({ where: { id: 1 }, select: { sealed: true } })).toEqual({ sealed })
  })

  test('is not read where no encrypted field is', async () => {
    const { prisma: watched, during } = createWatchedClient(twins)
    const queries = await during(async () => {
      await watched.patient.findMany({ select: { id: true, ward: true } })
      await watched.patient.findMany({ select: { ward: true, tags: true, _count: { select: { conditions: true } } } })
      await watched.patient.findUnique({ where: { id: 'ada' }, select: { conditions: { select: { severity: true } } } })
      await watched.patient.count({ where: { ssn: '111-11-1111' } })
      await watched.condition.groupBy({ by: ['severity'], where: { code: 'J11' } })
      await watched.tag.findMany({ include: { patients: { select: { ward: true } } } })
    })
    expect(queries.length).toBeGreaterThanOrEqual(6)
    expect(queries.filter((query) => /envelope/i.test(query))).toEqual([])
  })

  test('is read once for each row where an encrypted field is', async () => {
    const { prisma: watched, during } = createWatchedClient(twins)
    const queries = await during(() =>
      watched.patient.findMany({ select: { fullName: true, conditions: { select: { severity: true } } } }),
    )
    expect(queries.map((query) => /envelope/.test(query))).toEqual([true, false])
  })
})

describe('what the client omits everywhere', () => {
  const hidden = {
    ...omit,
    patient: { envelope: true, fullName: true, id: true },
    condition: { envelope: true, patientId: true },
  } as const
  const hiding = new PrismaClient({ adapter: adapterOf(database.url), omit: hidden })
  afterAll(() => hiding.$disconnect())
  const sparing = extend(hiding as unknown as BareClient, { keys, indexKey })

  test('stays away, be it encrypted or what the row is bound to', async () => {
    expect(
      written(await sparing.patient.findMany({ orderBy: { id: 'asc' }, include: { conditions: { orderBy: { id: 'asc' } } } })),
    ).toBe(
      written(
        await twin.patient.findMany({
          orderBy: { id: 'asc' },
          omit: { fullName: true, id: true },
          include: { conditions: { orderBy: { id: 'asc' }, omit: { patientId: true } } },
        }),
      ),
    )
  })

  test('comes if it is asked for', async () => {
    expect(await sparing.patient.findFirst({ where: { id: 'ada' }, select: { fullName: true } })).toEqual({
      fullName: 'Ada Lovelace',
    })
    expect(await sparing.patient.findFirst({ where: { id: 'ada' }, omit: { id: undefined } as object })).toMatchObject({
      id: 'ada',
    })
    expect(written(await sparing.patient.findMany({ orderBy: { id: 'asc' }, omit: { fullName: false, id: false } }))).toBe(
      written(await twin.patient.findMany({ orderBy: { id: 'asc' } })),
    )
  })
})

describe('computed fields that need encrypted ones', () => {
  const computed = Prisma.defineExtension({
    name: 'computed',
    result: {
      patient: {
        initials: {
          needs: { fullName: true },
          compute: ({ fullName }) => fullName.replaceAll(/(\w)\w* ?/g, '$1'),
        },
        badge: { needs: { fullName: true, ward: true }, compute: ({ fullName, ward }) => `${fullName} (${ward})` },
      },
      condition: { title: { needs: { code: true, description: true }, compute: (row) => `${row.code} ${row.description}` } },
    },
  })
  const asItsOwn = (client: unknown) => client as ReturnType<typeof build>
  const build = () => prisma.$extends(computed)
  const orders = {
    'before encryption': () => asItsOwn(extend(bare.$extends(computed) as unknown as BareClient, { keys, indexKey })),
    'after encryption': build,
  }

  test.each(Object.entries(orders))('are computed from values, the extension being applied %s', async (_, make) => {
    const client = make()
    const reads = {
      all: (db: typeof client) => db.patient.findMany({ orderBy: { id: 'asc' } }),
      selected: (db: typeof client) => db.patient.findMany({ orderBy: { id: 'asc' }, select: { initials: true } }),
      'selected with others': (db: typeof client) =>
        db.patient.findFirst({ where: { id: 'bob' }, select: { badge: true, notes: true, id: true } }),
      'selected and found by an encrypted field': (db: typeof client) =>
        db.patient.findUnique({ where: { email: 'ada@example.org' }, select: { initials: true } }),
      'without what they need': (db: typeof client) => db.patient.findMany({ orderBy: { id: 'asc' }, omit: { fullName: true } }),
      nested: (db: typeof client) =>
        db.doctor.findMany({
          orderBy: { id: 'asc' },
          include: { patients: { orderBy: { id: 'asc' }, select: { initials: true, conditions: { select: { title: true } } } } },
        }),
      'nested and whole': (db: typeof client) => db.patient.findMany({ orderBy: { id: 'asc' }, include: { conditions: true } }),
    }
    const plainClient = twin.$extends(computed) as unknown as typeof client
    for (const [title, read] of Object.entries(reads)) {
      const result = JSON.parse(JSON.stringify(await read(client))) as unknown
      expect(result, title).toEqual(JSON.parse(JSON.stringify(await read(plainClient))))
    }
    expect((await client.patient.findMany({ orderBy: { id: 'asc' }, select: { initials: true } }))[0]?.initials).toBe('AL')
  })
})

describe('a cold read', () => {
  const tree = {
    include: { conditions: true, profile: true, doctor: { include: { patients: { include: { conditions: true } } } } },
  } as const
  /** Patient, conditions, Profile and Doctor were sealed in one run each. */
  const branchKeys = 4

  test('costs one KMS call for each branch key in the whole result, and none the next time', async () => {
    const cold = client()
    kms.resetLog()
    await cold.patient.findMany(tree)
    expect(kms.calls).toEqual({ Decrypt: branchKeys })
    await cold.patient.findMany(tree)
    await cold.patient.findMany({ orderBy: { id: 'asc' }, take: 1 })
    expect(kms.calls).toEqual({ Decrypt: branchKeys })
  })

  test('costs no more if it is made many times at once', async () => {
    const cold = client()
    kms.resetLog()
    await Promise.all(Array.from({ length: 20 }, () => cold.patient.findMany(tree)))
    expect(kms.calls).toEqual({ Decrypt: branchKeys })
  })

  test('of plain columns costs none, and a search that of the index key', async () => {
    const cold = client()
    kms.resetLog()
    await cold.patient.findMany({ select: { ward: true } })
    expect(kms.calls).toEqual({})
    await cold.patient.count({ where: { ssn: '111-11-1111' } })
    expect(kms.calls).toEqual({ Decrypt: 1 })
  })
})

describe('unusual reads', () => {
  test('two same reads in one tick, which Prisma merges, each get whole rows', async () => {
    const read = (db: EncryptedClient) =>
      Promise.all([
        ...Array.from({ length: 3 }, () => db.tenant.findUnique({ where: { id: 1 }, include: { members: true } })),
        ...Array.from({ length: 3 }, () => db.patient.findUnique({ where: { id: 'ada' }, include: { conditions: true } })),
        db.patient.findUnique({ where: { email: 'ada@example.org' }, select: { fullName: true } }),
        db.patient.findUnique({ where: { email: 'bob@example.org' }, select: { fullName: true } }),
        db.patient.findUnique({ where: { email: 'nobody@example.org' }, select: { fullName: true } }),
      ])
    expect(written(await read(prisma))).toBe(written(await read(twin)))
  })

  test('frozen arguments work and stay as they are', async () => {
    const args = deepFrozen({
      where: { email: { in: ['ada@example.org', 'bob@example.org'] }, AND: [{ NOT: { ssn: '3' } }] },
      orderBy: [{ id: 'asc' as const }],
      include: { conditions: { where: { code: 'J11' } }, doctor: { include: { patients: { omit: { notes: true } } } } },
      omit: { id: true },
    })
    const before = written(args)
    expect(await prisma.patient.findMany(args as Types.PatientFindManyArgs)).toMatchObject([
      { fullName: 'Ada Lovelace', conditions: [{ description: 'flu' }] },
      { fullName: 'Bob Bush', conditions: [{ description: 'flu again' }] },
    ])
    expect(written(args)).toBe(before)
  })

  test('a list of 5,000 values finds all of them', async () => {
    const rows = Array.from({ length: 5000 }, (_, i) => ({ email: `c${i}@example.org`, familyName: `C${i}`, street: 'x' }))
    await prisma.contact.createMany({ data: rows })
    const found = await prisma.contact.findMany({
      where: { email: { in: rows.map(({ email }) => email) } },
      orderBy: { id: 'asc' },
    })
    expect(found.map(({ familyName }) => familyName)).toEqual(rows.map(({ familyName }) => familyName))
  })

  test('a text of 10 MB comes back whole', async () => {
    const notes = 'Ärztin 👩‍⚕️ '.repeat(400_000)
    expect(Buffer.byteLength(notes)).toBeGreaterThan(8_000_000)
    const { id } = await prisma.patient.create({
      data: { email: 'long@example.org', fullName: 'Long', ward: 'L', notes },
      select: { id: true },
    })
    const read = await prisma.patient.findUniqueOrThrow({ where: { id } })
    expect(read.notes === notes).toBe(true)
    await prisma.patient.delete({ where: { id }, select: { id: true } })
  })

  test('200 encrypted columns come back each with its own value', async () => {
    const fields = Object.keys(Prisma.WideScalarFieldEnum).filter((name) => name.startsWith('c'))
    expect(fields.length).toBe(200)
    const data = Object.fromEntries(fields.map((name, i) => [name, i % 7 === 0 ? null : `value of ${name}`]))
    const { id } = await prisma.wide.create({ data })
    expect(await prisma.wide.findUnique({ where: { id } })).toEqual({ id, ...data })
    expect(await prisma.wide.findUnique({ where: { id }, select: { c150: true } })).toEqual({ c150: data['c150'] })
  })
})

function deepFrozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const inner of Object.values(value)) deepFrozen(inner)
  return Object.freeze(value)
}
