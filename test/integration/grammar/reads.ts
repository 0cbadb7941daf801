import { type Case, encrypted, m, refused, same, token } from './cases.ts'

const byId = { orderBy: { id: 'asc' } } as const
const asc = { id: 'asc' } as const

const selections: readonly Case[] = [
  encrypted('select', 'of an encrypted field alone', (db) => db.person.findMany({ select: { name: true }, ...byId })),
  encrypted('select', 'of fields without the key', (db) => db.letter.findMany({ select: { title: true, body: true }, ...byId })),
  same('select', 'of what is not encrypted', (db) => db.person.findMany({ select: { id: true, rank: true }, ...byId })),
  encrypted('select', 'of a relation alone', (db) => db.person.findMany({ select: { boss: true }, ...byId })),
  encrypted('select', 'three levels down', (db) =>
    db.person.findUnique({
      where: { id: 'dea' },
      select: { boss: { select: { boss: { select: { name: true, letters: { select: { title: true }, ...byId } } } } } },
    }),
  ),
  encrypted('select', 'with include below it', (db) =>
    db.person.findUnique({ where: { id: 'bob' }, select: { boss: { include: { badge: true, locker: true } } } }),
  ),
  encrypted('select', 'of a write', (db) =>
    db.person.update({
      where: { id: 'ada' },
      data: { name: m('new') },
      select: { name: true, badge: { select: { motto: true } } },
    }),
  ),
  encrypted('include', 'of every relation', (db) =>
    db.person.findMany({
      include: {
        boss: true,
        staff: byId,
        friends: byId,
        friendOf: byId,
        locker: true,
        badge: true,
        letters: byId,
        memberships: { orderBy: { region: 'asc' } },
      },
      ...byId,
    }),
  ),
  encrypted('include', 'of the same model again, back to the root', (db) =>
    db.person.findUnique({
      where: { email: m('ada') },
      include: { staff: { include: { boss: { include: { friends: { include: { friends: byId }, ...byId } } } }, ...byId } },
    }),
  ),
  encrypted('include', 'with select below it', (db) =>
    db.club.findMany({
      include: { memberships: { select: { role: true, person: { select: { email: true } } }, orderBy: { personId: 'asc' } } },
      orderBy: [{ region: 'asc' }, { number: 'asc' }],
    }),
  ),
  encrypted('include', 'of a write', (db) =>
    db.letter.create({ data: { title: m('new'), authorId: 'ada' }, include: { author: { include: { badge: true } } } }),
  ),
  same('include', 'of nothing', (db) => db.person.findMany({ include: { boss: false }, ...byId })),
  encrypted('omit', 'of an encrypted field', (db) => db.person.findMany({ omit: { name: true }, ...byId })),
  encrypted('omit', 'of the key', (db) => db.letter.findMany({ omit: { id: true, authorId: true }, ...byId })),
  encrypted('omit', 'below include', (db) =>
    db.person.findMany({ include: { letters: { omit: { body: true, pages: true }, ...byId } }, omit: { age: true }, ...byId }),
  ),
  encrypted('omit', 'of a write', (db) =>
    db.person.update({ where: { id: 'ada' }, data: { age: 7734193 }, omit: { age: true } }),
  ),
  encrypted('omit', 'of nothing', (db) => db.person.findMany({ omit: { name: false }, ...byId })),
]

const below: readonly Case[] = [
  token('nested.where', 'of include', (db) =>
    db.person.findMany({ include: { staff: { where: { email: { in: [m('bob'), m('dea')] } }, ...byId } }, ...byId }),
  ),
  token('nested.where', 'of select, with the scope', (db) =>
    db.person.findMany({ select: { id: true, letters: { where: { authorId: 'bob', title: m('hello') } } }, ...byId }),
  ),
  token('nested.where', 'of many to many, through a relation', (db) =>
    db.person.findMany({ include: { friends: { where: { boss: { email: m('ada') } }, ...byId } }, ...byId }),
  ),
  refused('nested.where', 'of what no token answers', 'Person.name', ['person', 'findMany'], {
    include: { staff: { where: { name: { contains: m('A') } } } },
  }),
  encrypted('nested.orderBy', 'of columns that are not encrypted', (db) =>
    db.person.findMany({ include: { staff: { orderBy: [{ rank: 'desc' }, { id: 'desc' }] } }, ...byId }),
  ),
  refused('nested.orderBy', 'of an encrypted field', 'Letter.title', ['person', 'findMany'], {
    select: { letters: { orderBy: { title: 'asc' } } },
  }),
  token('nested.cursor', 'of a token', (db) =>
    db.person.findMany({ include: { staff: { cursor: { email: m('cem') }, take: 1, ...byId } }, ...byId }),
  ),
  encrypted('nested.take', 'of include', (db) =>
    db.person.findMany({ include: { letters: { take: 1, skip: 1, ...byId }, staff: { take: -1, ...byId } }, ...byId }),
  ),
  token('nested.distinct', 'of a searchable field', (db) =>
    db.person.findUnique({ where: { id: 'ada' }, include: { letters: { distinct: ['authorId', 'title'], ...byId } } }),
  ),
  refused('nested.distinct', 'of a field that is not searchable', 'Person.name', ['person', 'findMany'], {
    include: { staff: { distinct: ['name'] } },
  }),
  same('_count', 'of all relations', (db) => db.person.findMany({ include: { _count: true }, ...byId })),
  same('_count', 'of all relations, in select', (db) => db.person.findMany({ select: { name: true, _count: true }, ...byId })),
  same('_count', 'of one relation', (db) => db.person.findMany({ select: { _count: { select: { staff: true } } }, ...byId })),
  same('_count', 'below include', (db) => db.person.findMany({ include: { boss: { include: { _count: true } } }, ...byId })),
  token('_count.where', 'by a token', (db) =>
    db.person.findMany({ include: { _count: { select: { staff: { where: { email: m('bob') } }, friends: true } } }, ...byId }),
  ),
  token('_count.where', 'with the scope, below select', (db) =>
    db.person.findMany({
      select: {
        boss: { select: { _count: { select: { letters: { where: { authorId: 'ada', title: m('bye') } } } } } },
      },
      ...byId,
    }),
  ),
  refused('_count.where', 'of what no token answers', 'Person.name', ['person', 'findMany'], {
    select: { _count: { select: { staff: { where: { name: { gt: m('A') } } } } } },
  }),
]

const fluent: readonly Case[] = [
  encrypted('fluent', 'to many', (db) => db.person.findUnique({ where: { id: 'ada' } }).letters(byId)),
  encrypted('fluent', 'to one', (db) => db.person.findUnique({ where: { email: m('bob') } }).boss()),
  encrypted('fluent', 'to one that is not there', (db) => db.person.findUnique({ where: { id: 'ada' } }).boss()),
  encrypted('fluent', 'of nobody', (db) => db.person.findUnique({ where: { id: 'nobody' } }).letters()),
  encrypted('fluent', 'through several', (db) =>
    db.person
      .findUnique({ where: { id: 'dea' } })
      .boss()
      .boss()
      .badge(),
  ),
  encrypted('fluent', 'with a selection', (db) =>
    db.letter.findUniqueOrThrow({ where: { id: 3 } }).author({ select: { name: true, letters: { select: { title: true } } } }),
  ),
  token('fluent', 'with a where', (db) => db.person.findUnique({ where: { id: 'ada' } }).staff({ where: { email: m('cem') } })),
  encrypted('fluent', 'of an update', (db) =>
    db.person.update({ where: { id: 'bob' }, data: { name: m('new') } }).boss({ include: { badge: true } }),
  ),
  encrypted('fluent', 'of a create', (db) => db.letter.create({ data: { title: m('new'), authorId: 'ada' } }).author()),
  encrypted('fluent', 'of a delete', (db) => db.letter.delete({ where: { id: 1 } }).author()),
  encrypted('fluent', 'of findFirst', (db) => db.person.findFirst({ where: { email: m('cem') } }).friends(byId)),
]

const order: readonly Case[] = [
  encrypted('orderBy.object', 'of a column that is not encrypted', (db) =>
    db.letter.findMany({ orderBy: { pages: 'desc' }, take: 1 }),
  ),
  refused('orderBy.object', 'of a searchable field', 'Person.email', ['person', 'findMany'], { orderBy: { email: 'asc' } }),
  refused('orderBy.object', 'of findFirst', 'Person.name', ['person', 'findFirst'], { orderBy: { name: 'asc' } }),
  refused('orderBy.object', 'of aggregate', 'Person.name', ['person', 'aggregate'], { orderBy: { name: 'asc' }, _count: true }),
  refused('orderBy.object', 'of count', 'Person.name', ['person', 'count'], { orderBy: { name: 'asc' }, take: 1 }),
  encrypted('orderBy.array', 'of columns that are not encrypted', (db) =>
    db.person.findMany({ orderBy: [{ rank: 'desc' }, { id: 'desc' }] }),
  ),
  refused('orderBy.array', 'with an encrypted field', 'Person.name', ['person', 'findMany'], { orderBy: [asc, { name: 'asc' }] }),
  encrypted('orderBy.nulls', 'of a column that is not encrypted', (db) =>
    db.person.findMany({ orderBy: [{ bossId: { sort: 'desc', nulls: 'last' } }, asc] }),
  ),
  refused('orderBy.nulls', 'of an encrypted field', 'Person.age', ['person', 'findMany'], {
    orderBy: { age: { sort: 'asc', nulls: 'first' } },
  }),
  encrypted('orderBy.relation', 'of a column that is not encrypted', (db) =>
    db.person.findMany({ orderBy: [{ boss: { rank: 'desc' } }, { locker: { place: 'asc' } }, asc] }),
  ),
  refused('orderBy.relation', 'of an encrypted field', 'Badge.motto', ['person', 'findMany'], {
    orderBy: { badge: { motto: 'asc' } },
  }),
  refused('orderBy.relation', 'of an encrypted field two relations away', 'Person.name', ['membership', 'findMany'], {
    orderBy: [{ person: { boss: { name: 'desc' } } }],
  }),
  encrypted('orderBy._count', 'of a relation', (db) =>
    db.person.findMany({ orderBy: [{ staff: { _count: 'desc' } }, { letters: { _count: 'asc' } }, asc] }),
  ),
  refused('orderBy._relevance', 'of an encrypted field', 'Person.name', ['person', 'findMany'], {
    orderBy: { _relevance: { fields: ['name'], search: m('Ada'), sort: 'asc' } },
  }),
  token('cursor', 'of a token', (db) => db.person.findMany({ cursor: { email: m('bob') }, take: 2, skip: 1, ...byId })),
  token('cursor', 'of a token, backwards', (db) => db.person.findMany({ cursor: { email: m('cem') }, take: -2, ...byId })),
  token('cursor', 'of a compound key', (db) =>
    db.club.findMany({
      cursor: { region_title: { region: 'north', title: m('go') } },
      orderBy: [{ region: 'asc' }, { number: 'asc' }],
    }),
  ),
  token('cursor', 'of findFirst', (db) => db.person.findFirst({ cursor: { email: m('bob') }, skip: 1, ...byId })),
  token('cursor', 'of count and aggregate', (db) =>
    db.person.aggregate({ cursor: { email: m('bob') }, _count: true, _sum: { rank: true }, ...byId }),
  ),
  same('cursor', 'of a column that is not encrypted', (db) => db.letter.findMany({ cursor: { id: 2 }, take: 2, ...byId })),
  token('distinct.string', 'of a searchable field', (db) => db.condition.findMany({ distinct: 'code', ...byId })),
  refused('distinct.string', 'of a field that is not searchable', 'Person.name', ['person', 'findFirst'], { distinct: 'name' }),
  token('distinct.array', 'of a searchable field', (db) =>
    db.condition.findMany({ distinct: ['code'], select: { code: true }, ...byId }),
  ),
  token('distinct.array', 'of a searchable field and another', (db) =>
    db.condition.findMany({ distinct: ['patientId', 'code'], ...byId }),
  ),
  token('distinct.array', 'with the scope', (db) => db.letter.findMany({ distinct: ['title', 'authorId'], ...byId })),
  same('distinct.array', 'of a column that is not encrypted', (db) => db.letter.findMany({ distinct: ['pages'], ...byId })),
  refused('distinct.array', 'without the scope', 'Letter.title', ['letter', 'findMany'], { distinct: ['title'] }),
  refused('distinct.array', 'of a field that is not searchable', 'Person.age', ['person', 'findMany'], {
    distinct: ['rank', 'age'],
  }),
]

export const reads: readonly Case[] = [...selections, ...below, ...fluent, ...order]
