import type { EncryptedClient } from '../../support/encrypted-client.ts'

export type Args = Readonly<Record<string, unknown>>

/** One call of Prisma Client, as data, so that a test can change its arguments. */
export interface Call {
  readonly model: 'person' | 'locker' | 'badge' | 'letter' | 'club' | 'membership'
  readonly operation: string
  readonly args: Args
}

type Delegate = Readonly<Record<string, (args: unknown) => Promise<unknown>>>

export function run(db: EncryptedClient, { model, operation, args }: Call): Promise<unknown> {
  const delegate: unknown = db[model]
  const promise = (delegate as Delegate)[operation]?.(args)
  if (promise === undefined) throw new TypeError(`${model} has no ${operation}`)
  return promise
}

/** The rows that {@link calls} are about. */
export async function seedPeople(db: EncryptedClient): Promise<void> {
  await db.person.createMany({
    data: [
      { id: 'ann', email: 'ann@x.org', name: 'Ann', age: 61, rank: 3 },
      { id: 'bea', email: 'bea@x.org', name: 'Bea', bossId: 'ann', rank: 2 },
      { id: 'cid', email: 'cid@x.org', name: 'Cid', age: 30, bossId: 'ann' },
    ],
  })
  await db.person.update({ where: { id: 'ann' }, data: { friends: { connect: { id: 'bea' } } } })
  await db.locker.createMany({
    data: [
      { id: 'l1', code: '1234', ownerId: 'ann' },
      { id: 'l2', code: '5678', place: 'cellar' },
    ],
  })
  await db.badge.createMany({
    data: [
      { ownerId: 'ann', motto: 'Lead' },
      { ownerId: 'bea', motto: 'Follow', colour: 'blue' },
    ],
  })
  await db.letter.createMany({
    data: [
      { title: 'Thanks', body: { to: 'bea', words: [1, null] }, pages: 2, authorId: 'ann' },
      { title: 'Regrets', pages: 1, authorId: 'ann' },
      { title: 'Thanks', pages: 5 },
    ],
  })
  await db.club.createMany({
    data: [
      { region: 'eu', number: 1, title: 'Chess' },
      { region: 'us', number: 2, title: 'Go', open: false },
    ],
  })
  await db.membership.createMany({
    data: [
      { personId: 'ann', region: 'eu', number: 1, role: 'chair', paid: 10 },
      { personId: 'bea', region: 'eu', number: 1 },
    ],
  })
}

/** All that a client sees, but for numbers that differ as sequences run on. */
export async function everyone(db: EncryptedClient): Promise<unknown> {
  return [
    await db.person.findMany({ orderBy: { id: 'asc' }, include: { friends: { select: { id: true }, orderBy: { id: 'asc' } } } }),
    await db.locker.findMany({ orderBy: { id: 'asc' } }),
    await db.badge.findMany({ orderBy: { ownerId: 'asc' } }),
    await db.letter.findMany({ orderBy: { id: 'asc' }, omit: { id: true } }),
    await db.club.findMany({ orderBy: [{ region: 'asc' }, { number: 'asc' }] }),
    await db.membership.findMany({ orderBy: [{ personId: 'asc' }, { region: 'asc' }] }),
  ]
}

const letters = { select: { title: true, body: true, pages: true }, orderBy: { pages: 'asc' } }
const chess = { region_number: { region: 'eu', number: 1 } }
const updateOfPerson = (data: Args): Call => ({
  model: 'person',
  operation: 'update',
  args: { where: { id: 'ann' }, data, include: { letters, locker: true, badge: true } },
})

/** Valid arguments of every operation, and of every nested write. */
export const calls: Readonly<Record<string, Call>> = {
  findUnique: {
    model: 'person',
    operation: 'findUnique',
    args: {
      where: { email: 'ann@x.org', rank: { gte: 1 }, AND: [{ age: { not: null } }] },
      include: {
        boss: true,
        staff: { where: { email: { in: ['bea@x.org', 'cid@x.org'] } }, orderBy: { rank: 'asc' }, take: 1, skip: 0 },
        letters,
        _count: { select: { letters: { where: { title: 'Thanks', authorId: 'ann' } }, friends: true } },
      },
      omit: { name: true, age: false },
    },
  },
  findUniqueOrThrow: {
    model: 'club',
    operation: 'findUniqueOrThrow',
    args: { where: { region_title: { region: 'eu', title: 'Chess' } } },
  },
  findFirst: {
    model: 'letter',
    operation: 'findFirst',
    args: {
      where: { authorId: 'ann', title: { equals: 'Thanks', not: 'Other' } },
      orderBy: [{ pages: 'desc' }],
      select: letters.select,
    },
  },
  findFirstOrThrow: {
    model: 'membership',
    operation: 'findFirstOrThrow',
    args: {
      where: { person: { is: { email: 'ann@x.org' } }, club: { isNot: { region: 'us' } } },
      include: { person: true, club: true },
    },
  },
  findMany: {
    model: 'person',
    operation: 'findMany',
    args: {
      where: {
        OR: [{ email: 'ann@x.org' }, { boss: { email: 'ann@x.org' } }],
        NOT: { friends: { some: { email: 'cid@x.org' } } },
        AND: { letters: { every: { pages: { lt: 9 } }, none: { title: 'Nothing', authorId: 'bea' } }, age: { not: null } },
      },
      orderBy: { id: 'asc' },
      cursor: { id: 'ann' },
      take: 2,
      skip: 0,
      distinct: ['email'],
      select: { id: true, email: true, name: true, staff: { select: { name: true } }, badge: { omit: { colour: true } } },
    },
  },
  count: {
    model: 'person',
    operation: 'count',
    args: { where: { email: { notIn: ['bea@x.org'] } }, orderBy: { id: 'asc' }, take: 5, select: { _all: true, age: true } },
  },
  aggregate: {
    model: 'letter',
    operation: 'aggregate',
    args: {
      where: { author: { email: 'ann@x.org' } },
      _count: { _all: true, body: true },
      _sum: { pages: true },
      _max: { pages: true },
    },
  },
  groupBy: {
    model: 'letter',
    operation: 'groupBy',
    args: {
      by: ['authorId'],
      where: { pages: { gt: 0 } },
      _count: { body: true },
      having: { pages: { _avg: { gt: 0 } } },
      orderBy: { authorId: 'asc' },
    },
  },
  create: {
    model: 'person',
    operation: 'create',
    args: {
      data: {
        id: 'dan',
        email: 'dan@x.org',
        name: 'Dan',
        age: 7,
        boss: { connect: { email: 'ann@x.org' } },
        locker: { connectOrCreate: { where: { id: 'l3' }, create: { id: 'l3', code: '9' } } },
        badge: { create: { motto: 'Play', colour: 'green' } },
        letters: {
          create: [{ title: 'Hello', body: { a: [1] } }],
          createMany: { data: [{ title: 'Bye', pages: 3 }], skipDuplicates: true },
        },
        friends: { connect: [{ id: 'bea' }], create: { id: 'eve', email: 'eve@x.org', name: 'Eve' } },
        memberships: { create: { role: 'guest', club: { connect: chess } } },
      },
      include: { boss: true, badge: true, letters },
    },
  },
  'create by foreign keys': {
    model: 'membership',
    operation: 'create',
    args: {
      data: { personId: 'cid', region: 'us', number: 2, role: 'spy', paid: 1 },
      select: { role: true, person: { select: { name: true } } },
    },
  },
  createMany: {
    model: 'badge',
    operation: 'createMany',
    args: {
      data: [
        { ownerId: 'cid', motto: 'Wait', colour: 'grey' },
        { ownerId: 'ann', motto: 'Again' },
      ],
      skipDuplicates: true,
    },
  },
  createManyAndReturn: {
    model: 'locker',
    operation: 'createManyAndReturn',
    args: { data: [{ id: 'l4', code: 'four', ownerId: 'bea' }], select: { code: true, owner: { select: { name: true } } } },
  },
  'update of one field': {
    model: 'person',
    operation: 'update',
    args: {
      where: { email: 'bea@x.org' },
      data: { name: 'Beatrix', rank: { increment: 1 } },
      select: { name: true, rank: true },
    },
  },
  'update of all fields': {
    model: 'person',
    operation: 'update',
    args: { where: { id: 'bea' }, data: { email: 'b@x.org', name: { set: 'B' }, age: null } },
  },
  'update beside a connect': {
    model: 'person',
    operation: 'update',
    args: {
      where: { id: 'cid' },
      data: { name: 'C', boss: { connect: { email: 'bea@x.org' } } },
      include: { boss: { omit: { age: true } } },
    },
  },
  'update of a bound column': {
    model: 'letter',
    operation: 'update',
    args: { where: { id: 1 }, data: { author: { connect: { id: 'bea' } }, pages: 4 }, select: { title: true, authorId: true } },
  },
  'nested create, connect and disconnect': updateOfPerson({
    rank: 9,
    boss: { create: { id: 'boss', email: 'boss@x.org', name: 'Overseer' } },
    letters: { create: { title: 'New', body: 1 }, disconnect: [{ id: 2 }] },
    friends: { disconnect: { id: 'bea' }, connect: { email: 'cid@x.org' } },
    locker: { disconnect: true },
  }),
  'nested update': updateOfPerson({
    name: 'Anna',
    letters: { update: [{ where: { id: 1, pages: 2 }, data: { body: { new: true }, pages: { multiply: 2 } } }] },
    locker: { update: { where: { place: 'hall' }, data: { code: 'secret' } } },
    badge: { update: { motto: 'Lead on' } },
    memberships: {
      update: { where: { personId_region_number: { personId: 'ann', region: 'eu', number: 1 } }, data: { role: 'treasurer' } },
    },
  }),
  'nested upsert': updateOfPerson({
    letters: { upsert: { where: { id: 2 }, create: { title: 'never' }, update: { body: 'changed' } } },
    locker: { upsert: { create: { id: 'l9', code: 'never' }, update: { code: 'changed' }, where: { place: 'hall' } } },
    badge: { upsert: { create: { motto: 'never' }, update: { motto: 'changed' } } },
  }),
  'nested upsert of new rows': {
    model: 'person',
    operation: 'update',
    args: {
      where: { id: 'cid' },
      data: {
        letters: { upsert: { where: { id: 99 }, create: { title: 'new', pages: 8 }, update: { body: 'never' } } },
        badge: { upsert: { create: { motto: 'new' }, update: { motto: 'never' } } },
      },
      select: { letters, badge: true },
    },
  },
  'nested updateMany and deleteMany': updateOfPerson({
    letters: { updateMany: { where: { title: 'Thanks', authorId: 'ann' }, data: { body: 7 } }, deleteMany: { pages: 1 } },
    staff: { updateMany: [{ where: { email: 'bea@x.org' }, data: { name: 'One of them', age: 1 } }] },
    memberships: { deleteMany: [{ region: 'us' }, { paid: { gt: 5 } }] },
  }),
  'nested delete': updateOfPerson({
    locker: { delete: { place: 'hall' } },
    badge: { delete: true },
    letters: { delete: { id: 2 } },
  }),
  'nested set': updateOfPerson({ letters: { set: [{ id: 3 }] }, friends: { set: { id: 'cid' } } }),
  'nested connectOrCreate': updateOfPerson({
    letters: { connectOrCreate: [{ where: { id: 3 }, create: { title: 'never' } }] },
    locker: { connectOrCreate: { where: { id: 'l2' }, create: { id: 'l2', code: 'never' } } },
    friends: { connectOrCreate: { where: { email: 'fay@x.org' }, create: { id: 'fay', email: 'fay@x.org', name: 'Fay' } } },
  }),
  updateMany: {
    model: 'person',
    operation: 'updateMany',
    args: { where: { boss: { email: 'ann@x.org' } }, data: { name: 'Anyone', rank: 5 }, limit: 5 },
  },
  'updateMany of tokens': {
    model: 'letter',
    operation: 'updateMany',
    args: { where: { pages: { gt: 1 } }, data: { title: 'Same' } },
  },
  updateManyAndReturn: {
    model: 'locker',
    operation: 'updateManyAndReturn',
    args: { where: { id: { startsWith: 'l' } }, data: { code: { set: '0' } }, select: { id: true, code: true, owner: true } },
  },
  'upsert of a row that is there': {
    model: 'person',
    operation: 'upsert',
    args: {
      where: { email: 'ann@x.org' },
      create: { id: 'never', email: 'never@x.org', name: 'Never' },
      update: { name: 'Again', letters: { create: { title: 'Upserted' } } },
      select: { name: true, letters },
    },
  },
  'upsert of a new row': {
    model: 'club',
    operation: 'upsert',
    args: {
      where: { region_number: { region: 'eu', number: 7 } },
      create: { region: 'eu', number: 7, title: 'Bridge', memberships: { create: { personId: 'cid', role: 'founder' } } },
      update: { title: 'never' },
      include: { memberships: { include: { person: true } } },
    },
  },
  delete: { model: 'person', operation: 'delete', args: { where: { email: 'ann@x.org' }, include: { badge: true } } },
  deleteMany: {
    model: 'letter',
    operation: 'deleteMany',
    args: { where: { title: { in: ['Thanks', 'Regrets'] }, authorId: 'ann' }, limit: 1 },
  },
}
