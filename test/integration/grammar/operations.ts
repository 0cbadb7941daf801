import { type Case, m, refused, same, token } from './cases.ts'

const ada = { email: m('ada') }
const name = { contains: m('A') }
const newcomer = { id: 'eve', email: m('eve'), name: m('Eve') }

/** The same two conditions, a token and what no token answers, in the `where` of each operation. */
const everywhere: readonly Case[] = [
  token('where.findUnique', 'by a token', (db) => db.person.findUnique({ where: ada })),
  token('where.findUniqueOrThrow', 'by a token', (db) => db.person.findUniqueOrThrow({ where: ada })),
  token('where.findUniqueOrThrow', 'by a token of nobody', (db) => db.person.findUniqueOrThrow({ where: { email: m('x') } })),
  token('where.findFirst', 'by a token', (db) => db.person.findFirst({ where: ada })),
  token('where.findFirstOrThrow', 'by a token', (db) => db.person.findFirstOrThrow({ where: ada })),
  token('where.findFirstOrThrow', 'by a token of nobody', (db) => db.person.findFirstOrThrow({ where: { email: m('x') } })),
  token('where.count', 'by a token', (db) => db.person.count({ where: ada })),
  token('where.count', 'by a token, of fields', (db) =>
    db.person.count({ where: { email: { not: m('ada') } }, select: { _all: true, age: true, bossId: true } }),
  ),
  token('where.aggregate', 'by a token', (db) =>
    db.person.aggregate({ where: { email: { not: m('ada') } }, _count: true, _max: { rank: true } }),
  ),
  token('where.groupBy', 'by a token', (db) =>
    db.person.groupBy({ by: 'rank', where: { email: { not: m('ada') } }, _count: true, orderBy: { rank: 'asc' } }),
  ),
  token('where.update', 'by a token, of a column that is not encrypted', (db) =>
    db.person.update({ where: ada, data: { rank: 5 } }),
  ),
  token('where.update', 'by a token, of its own field', (db) => db.person.update({ where: ada, data: { email: m('new') } })),
  token('where.update', 'by a token of nobody', (db) => db.person.update({ where: { email: m('x') }, data: { rank: 5 } })),
  token('where.update', 'by a compound key with a token', (db) =>
    db.club.update({
      where: { region_title: { region: 'south', title: m('chess') } },
      data: { title: m('bridge'), open: false },
    }),
  ),
  token('where.updateMany', 'by tokens', (db) =>
    db.person.updateMany({ where: { email: { in: [m('ada'), m('bob')] } }, data: { rank: 5 } }),
  ),
  token('where.updateManyAndReturn', 'by tokens', (db) =>
    db.person.updateManyAndReturn({ where: { email: m('cem') }, data: { rank: 5 } }),
  ),
  token('where.delete', 'by a token', (db) => db.person.delete({ where: { email: m('dea') } })),
  token('where.delete', 'by a token of nobody', (db) => db.person.delete({ where: { email: m('x') } })),
  token('where.deleteMany', 'by a token', (db) => db.person.deleteMany({ where: { email: { in: [m('dea'), m('x')] } } })),
  token('where.upsert', 'by a token that is there', (db) =>
    db.person.upsert({ where: ada, create: newcomer, update: { rank: 5 } }),
  ),
  token('where.upsert', 'by a token that is not', (db) =>
    db.person.upsert({ where: { email: newcomer.email }, create: newcomer, update: { rank: 5 } }),
  ),
  token('where.upsert', 'by a compound key with a token', (db) =>
    db.club.upsert({
      where: { region_title: { region: 'south', title: m('chess') } },
      create: { region: 'south', number: 9, title: m('chess') },
      update: { open: false },
    }),
  ),
  refused('where.findUnique', 'of what no token answers', 'Person.name', ['person', 'findUnique'], {
    where: { id: 'ada', name },
  }),
  refused('where.findUniqueOrThrow', 'of what no token answers', 'Person.name', ['person', 'findUniqueOrThrow'], {
    where: { id: 'ada', name },
  }),
  ...(['findFirst', 'findFirstOrThrow', 'count', 'deleteMany'] as const).map((operation) =>
    refused(`where.${operation}`, 'of what no token answers', 'Person.name', ['person', operation], { where: { name } }),
  ),
  refused('where.aggregate', 'of what no token answers', 'Person.name', ['person', 'aggregate'], {
    where: { name },
    _count: true,
  }),
  refused('where.groupBy', 'of what no token answers', 'Person.name', ['person', 'groupBy'], { where: { name }, by: ['rank'] }),
  ...(['updateMany', 'updateManyAndReturn'] as const).map((operation) =>
    refused(`where.${operation}`, 'of what no token answers', 'Person.name', ['person', operation], {
      where: { name },
      data: { rank: 5 },
    }),
  ),
  refused('where.update', 'of what no token answers', 'Person.name', ['person', 'update'], {
    where: { id: 'ada', name },
    data: { rank: 5 },
  }),
  refused('where.delete', 'of what no token answers', 'Person.name', ['person', 'delete'], { where: { id: 'ada', name } }),
  refused('where.upsert', 'of what no token answers', 'Person.name', ['person', 'upsert'], {
    where: { id: 'ada', name },
    create: newcomer,
    update: {},
  }),
]

const references: readonly Case[] = [
  same('reference.left', 'between columns that are not encrypted', (db) =>
    db.letter.findMany({ where: { pages: { lte: db.letter.fields.id } }, orderBy: { id: 'asc' } }),
  ),
  refused('reference.left', 'of a plain column', 'Person.email', ['person', 'findMany'], (db: Db) => ({
    where: { email: { equals: db.person.fields.id } },
  })),
  refused('reference.left', 'of an encrypted column', 'Person.name', ['person', 'findMany'], (db: Db) => ({
    where: { name: { not: { contains: db.person.fields.email } } },
  })),
  refused('reference.right', 'beside a plain column', 'Person.email', ['person', 'findMany'], (db: Db) => ({
    where: { id: { in: [db.person.fields.email] } },
  })),
  refused('reference.right', 'below a relation', 'Person.name', ['letter', 'deleteMany'], (db: Db) => ({
    where: { author: { is: { id: { equals: db.person.fields.name } } } },
  })),
]
type Db = Parameters<Case['call']>[0]

const { sealed, plainly } = { sealed: { v: 1, ct: m('ct') }, plainly: m('x') }
const envelope = (name: string, operation: string, args: object): Case =>
  refused('envelope', name, 'Person.envelope', ['person', operation], args, 'ENVELOPE_INPUT')

const envelopes: readonly Case[] = [
  envelope('in where', 'findMany', { where: { envelope: { equals: sealed } } }),
  envelope('in where, below NOT and a relation', 'count', { where: { NOT: { staff: { some: { envelope: { not: sealed } } } } } }),
  envelope('in cursor', 'findMany', { cursor: { id: 'ada', envelope: { equals: sealed } } }),
  envelope('in distinct', 'findMany', { distinct: ['envelope'] }),
  envelope('in orderBy', 'findMany', { orderBy: { envelope: 'asc' } }),
  envelope('in by', 'groupBy', { by: ['envelope'] }),
  envelope('in having', 'groupBy', { by: ['rank'], having: { envelope: { equals: sealed } } }),
  envelope('in _max', 'aggregate', { _max: { envelope: true } }),
  envelope('in create', 'create', { data: { ...newcomer, envelope: sealed } }),
  envelope('in createMany', 'createMany', { data: [{ ...newcomer, envelope: sealed }] }),
  envelope('in createManyAndReturn', 'createManyAndReturn', { data: { ...newcomer, envelope: sealed } }),
  envelope('in update', 'update', { where: { id: 'ada' }, data: { envelope: sealed, name: plainly } }),
  envelope('in updateMany', 'updateMany', { data: { envelope: { set: sealed } } }),
  envelope('in updateManyAndReturn', 'updateManyAndReturn', { data: { envelope: sealed } }),
  envelope('in upsert.create', 'upsert', { where: { id: 'x' }, create: { ...newcomer, envelope: sealed }, update: {} }),
  envelope('in upsert.update', 'upsert', { where: { id: 'ada' }, create: newcomer, update: { envelope: sealed } }),
  envelope('in a nested create', 'update', {
    where: { id: 'ada' },
    data: { staff: { create: { ...newcomer, envelope: sealed } } },
  }),
  envelope('in a nested update', 'update', { where: { id: 'bob' }, data: { boss: { update: { envelope: sealed } } } }),
  envelope('in a nested updateMany', 'update', {
    where: { id: 'ada' },
    data: { staff: { updateMany: { where: {}, data: { envelope: sealed } } } },
  }),
  envelope('in a nested upsert', 'update', {
    where: { id: 'bob' },
    data: { boss: { upsert: { create: newcomer, update: { envelope: sealed } } } },
  }),
]

const raw: readonly Case[] = [
  same('raw', '$queryRaw of columns that are not encrypted', (db) => db.$queryRaw`SELECT id, rank FROM persons ORDER BY id`),
  same('raw', '$queryRawUnsafe', (db) => db.$queryRawUnsafe('SELECT rank FROM persons WHERE id = $1', 'bob')),
  same('raw', '$executeRaw', (db) => db.$executeRaw`UPDATE persons SET rank = rank + 1 WHERE rank > ${1}`),
  same('raw', '$executeRawUnsafe', (db) => db.$executeRawUnsafe('DELETE FROM "Plain" WHERE id = $1', 1)),
]

export const operations: readonly Case[] = [...everywhere, ...references, ...envelopes, ...raw]
