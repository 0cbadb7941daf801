import { variant } from '../../support/client.ts'
import { type Case, encrypted, m, refused, same } from './cases.ts'

const eve = { id: 'eve', email: m('eve'), name: m('Eve') }
const fay = { id: 'fay', email: m('fay'), name: m('Fay'), age: 7734199, rank: 7 }
const id = (name: string) => ({ where: { id: name } })

const creates: readonly Case[] = [
  encrypted('data.create', 'of a row', (db) => db.person.create({ data: fay })),
  encrypted('data.create', 'of a row with a key from the database', (db) =>
    db.letter.create({ data: { title: m('new'), body: [m('x')] } }),
  ),
  encrypted('data.create', 'of a key that is there', (db) => db.person.create({ data: { ...eve, id: 'ada' } })),
  encrypted('data.create', 'of a token that is there', (db) => db.person.create({ data: { ...eve, email: m('ada') } })),
  encrypted('data.create', 'of a foreign key that is not there', (db) =>
    db.letter.create({ data: { title: m('x'), authorId: 'nobody' } }),
  ),
  encrypted('data.createMany', 'of an object', (db) => db.person.createMany({ data: eve })),
  encrypted('data.createMany', 'of a list', (db) => db.person.createMany({ data: [eve, fay] })),
  encrypted('data.createMany', 'of nothing', (db) => db.person.createMany({ data: [] })),
  encrypted('data.createMany', 'of a token that is there', (db) =>
    db.person.createMany({ data: [eve, { ...fay, email: m('ada') }] }),
  ),
  encrypted('data.createMany', 'of a token that comes twice', (db) =>
    db.badge.createMany({
      data: [
        { ownerId: 'cem', motto: m('same') },
        { ownerId: 'dea', motto: m('same') },
      ],
    }),
  ),
  encrypted('data.createManyAndReturn', 'of an object', (db) => db.person.createManyAndReturn({ data: eve })),
  encrypted('data.createManyAndReturn', 'of a list, selected', (db) =>
    db.person.createManyAndReturn({ data: [eve, fay], select: { name: true } }),
  ),
  encrypted('data.createManyAndReturn', 'with a relation to one', (db) =>
    db.letter.createManyAndReturn({
      data: [{ title: m('new'), authorId: 'bob' }],
      include: { author: true },
      omit: { id: true },
    }),
  ),
  encrypted('data.createManyAndReturn', 'of nothing', (db) => db.person.createManyAndReturn({ data: [] })),
  encrypted('data.skipDuplicates', 'of tokens', (db) =>
    db.person.createMany({ data: [eve, { ...fay, email: m('ada') }], skipDuplicates: true }),
  ),
  encrypted('data.skipDuplicates', 'of tokens of parts of compound keys', (db) =>
    db.club.createMany({
      data: [
        { region: 'north', number: 7, title: m('chess') },
        { region: 'south', number: 7, title: m('go') },
      ],
      skipDuplicates: true,
    }),
  ),
  encrypted('data.skipDuplicates', 'of tokens, returned', (db) =>
    db.badge.createManyAndReturn({
      data: [
        { ownerId: 'cem', motto: m('gold') },
        { ownerId: 'dea', motto: m('new') },
      ],
      skipDuplicates: true,
    }),
  ),
  encrypted('data.skipDuplicates', 'of a token that comes twice', (db) =>
    db.person.createMany({ data: [eve, { ...fay, email: m('eve') }], skipDuplicates: true }),
  ),
]

const updates: readonly Case[] = [
  encrypted('data.update', 'of one encrypted field', (db) => db.person.update({ ...id('ada'), data: { name: m('new') } })),
  encrypted('data.update', 'of all encrypted fields', (db) =>
    db.person.update({ ...id('ada'), data: { name: m('new'), email: m('new'), age: 7734199 } }),
  ),
  encrypted('data.update', 'of an encrypted field and others', (db) =>
    db.person.update({ ...id('ada'), data: { name: m('new'), rank: { increment: 2 }, bossId: 'dea' } }),
  ),
  encrypted('data.update', 'of a bound row', (db) => db.letter.update({ where: { id: 1 }, data: { body: { n: m('new') } } })),
  encrypted('data.update', 'of a bound column', (db) => db.letter.update({ where: { id: 1 }, data: { authorId: 'bob' } })),
  encrypted('data.update', 'of a key', (db) => db.person.update({ ...id('dea'), data: { id: 'eve', name: m('new') } })),
  encrypted('data.update', 'of a compound key', (db) =>
    db.club.update({ where: { region_number: { region: 'north', number: 2 } }, data: { number: 3, region: 'south' } }),
  ),
  encrypted('data.update', 'to a token that is there', (db) => db.person.update({ ...id('ada'), data: { email: m('bob') } })),
  encrypted('data.update', 'of nobody', (db) => db.person.update({ ...id('nobody'), data: { name: m('new') } })),
  encrypted('data.update', 'of nothing', (db) => db.person.update({ ...id('ada'), data: {} })),
  encrypted('data.updateMany', 'of an encrypted field', (db) =>
    db.person.updateMany({ where: { rank: 2 }, data: { name: m('new') } }),
  ),
  encrypted('data.updateMany', 'of every row', (db) =>
    db.letter.updateMany({ data: { title: m('new'), pages: { multiply: 2 } } }),
  ),
  encrypted('data.updateMany', 'of no row', (db) => db.person.updateMany({ where: { rank: 99 }, data: { name: m('new') } })),
  encrypted('data.updateMany', 'of bound columns', (db) =>
    db.letter.updateMany({ where: { authorId: 'ada' }, data: { authorId: 'bob' } }),
  ),
  encrypted('data.updateMany', 'to one token', (db) => db.badge.updateMany({ data: { motto: m('same') } })),
  encrypted('data.updateMany', 'of a searchable field by itself', (db) =>
    db.condition.updateMany({ where: { code: m('J11') }, data: { code: m('J12') } }),
  ),
  encrypted('data.updateManyAndReturn', 'of an encrypted field', (db) =>
    db.person.updateManyAndReturn({ where: { id: 'bob' }, data: { name: m('new') } }),
  ),
  encrypted('data.updateManyAndReturn', 'selected, with a relation to one', (db) =>
    db.letter.updateManyAndReturn({
      where: { authorId: 'bob' },
      data: { title: m('new') },
      select: { title: true, author: { select: { name: true } } },
    }),
  ),
  encrypted('data.updateManyAndReturn', 'of no row', (db) =>
    db.person.updateManyAndReturn({ where: { rank: 99 }, data: { name: m('new') } }),
  ),
  encrypted('data.limit', 'of an encrypted field', (db) =>
    db.person.updateMany({ where: { id: { in: ['bob', 'cem'] } }, data: { name: m('new') }, limit: 1 }),
  ),
  encrypted('data.limit', 'beyond the rows', (db) =>
    db.person.updateMany({ where: { rank: 2 }, data: { age: 7734199 }, limit: 9 }),
  ),
  encrypted('data.limit', 'of zero', (db) => db.person.updateMany({ data: { age: 7734199 }, limit: 0 })),
  encrypted('data.limit', 'of updateManyAndReturn', (db) =>
    db.person.updateManyAndReturn({ where: { rank: 2 }, data: { name: m('new') }, limit: 1, select: { name: true } }),
  ),
  same('data.limit', 'of columns that are not encrypted', (db) => db.person.updateMany({ data: { rank: 9 }, limit: 2 })),
  same('data.limit', 'of deleteMany', (db) => db.letter.deleteMany({ where: { pages: 1 }, limit: 1 })),
  encrypted('data.upsert.create', 'by a plain key', (db) =>
    db.person.upsert({ ...id('eve'), create: eve, update: { name: m('new') } }),
  ),
  encrypted('data.upsert.create', 'by a token', (db) =>
    db.person.upsert({ where: { email: m('eve') }, create: eve, update: { name: m('new') } }),
  ),
  encrypted('data.upsert.create', 'of a token that is there', (db) =>
    db.person.upsert({ ...id('eve'), create: { ...eve, email: m('ada') }, update: {} }),
  ),
  encrypted('data.upsert.create', 'with a key from the database', (db) =>
    db.letter.upsert({ where: { id: 99 }, create: { title: m('new'), authorId: 'ada' }, update: {} }),
  ),
  encrypted('data.upsert.update', 'by a plain key', (db) =>
    db.person.upsert({ ...id('ada'), create: eve, update: { name: m('new'), rank: { increment: 1 } } }),
  ),
  encrypted('data.upsert.update', 'by a token', (db) =>
    db.person.upsert({ where: { email: m('ada') }, create: eve, update: { email: m('new'), age: null } }),
  ),
  encrypted('data.upsert.update', 'to a token that is there', (db) =>
    db.person.upsert({ ...id('ada'), create: eve, update: { email: m('bob') } }),
  ),
  encrypted('data.upsert.update', 'of nothing', (db) => db.person.upsert({ ...id('ada'), create: eve, update: {} })),
  encrypted('data.upsert.update', 'of a bound row, selected', (db) =>
    db.letter.upsert({
      where: { id: 1 },
      create: { title: m('x') },
      update: { title: m('new'), authorId: 'bob' },
      select: { title: true, author: { select: { name: true } } },
    }),
  ),
]

const arithmetic = { increment: 1, decrement: 1, multiply: 2, divide: 2 }

// Under Prisma 6 no query extension sees `Prisma.skip`: it reaches them as `{}`.
const skipped: readonly Case[] =
  variant === '6'
    ? []
    : [
        encrypted('data.absent', 'Prisma.skip in an update', (db, { skip }) =>
          db.person.update({ ...id('ada'), data: { name: skip as never, email: m('new') } }),
        ),
        encrypted('data.absent', 'Prisma.skip in a create', (db, { skip }) =>
          db.person.create({ data: { ...eve, age: skip as never, letters: skip as never } }),
        ),
      ]

const forms: readonly Case[] = [
  encrypted('data.set', 'of an encrypted field', (db) => db.person.update({ ...id('ada'), data: { name: { set: m('new') } } })),
  encrypted('data.set', 'of a searchable field', (db) => db.person.update({ ...id('ada'), data: { email: { set: m('new') } } })),
  encrypted('data.set', 'to null', (db) => db.person.updateMany({ data: { age: { set: null } } })),
  encrypted('data.set', 'of a list', (db) =>
    db.allTypes.update({ where: { id: 1 }, data: { stringList: { set: [m('c')] }, intList: [] } }),
  ),
  encrypted('data.set', 'of a list, in a create', (db) =>
    db.nativeTypes.create({ data: { id: 1, uuidList: { set: ['0b3e4e8a-5d5f-4a4e-8d0f-1f6f5a1c2d3e'] } } }),
  ),
  ...Object.entries(arithmetic).flatMap(([operator, value]) => [
    same('data.arithmetic', `${operator} of a column that is not encrypted`, (db) =>
      db.person.update({ ...id('bob'), data: { rank: { [operator]: value } } }),
    ),
    encrypted('data.arithmetic', `${operator} beside an encrypted field`, (db) =>
      db.person.updateMany({ where: { rank: 2 }, data: { rank: { [operator]: value }, name: m('new') } }),
    ),
    refused('data.arithmetic', `${operator} of an encrypted field`, 'Person.age', ['person', 'update'], {
      ...id('ada'),
      data: { age: { [operator]: value } },
    }),
    refused('data.arithmetic', `${operator} of an encrypted field of many rows`, 'Person.age', ['person', 'updateMany'], {
      data: { age: { [operator]: value } },
    }),
  ]),
  refused('data.push', 'of a value', 'AllTypes.stringList', ['allTypes', 'update'], {
    where: { id: 1 },
    data: { stringList: { push: m('c') } },
  }),
  refused('data.push', 'of a list', 'AllTypes.intList', ['allTypes', 'updateMany'], { data: { intList: { push: [7734199] } } }),
  encrypted('data.absent', 'undefined in an update', (db) =>
    db.person.update({
      ...id('ada'),
      data: { name: undefined as never, email: m('new'), age: undefined as never, boss: undefined as never },
    }),
  ),
  encrypted('data.absent', 'undefined in a create', (db) =>
    db.person.create({ data: { ...eve, age: undefined as never, boss: undefined as never } }),
  ),
  ...skipped,
  encrypted('data.null', 'in an update', (db) => db.person.update({ ...id('ada'), data: { age: null } })),
  encrypted('data.null', 'in a create', (db) => db.person.create({ data: { ...eve, age: null } })),
  encrypted('data.null', 'DbNull in an update', (db, { DbNull }) =>
    db.letter.update({ where: { id: 1 }, data: { body: DbNull } }),
  ),
  encrypted('data.null', 'JsonNull in an update', (db, { JsonNull }) =>
    db.letter.update({ where: { id: 1 }, data: { body: JsonNull } }),
  ),
  encrypted('data.null', 'DbNull and JsonNull in many rows', (db, { DbNull, JsonNull }) =>
    db.letter.createMany({
      data: [
        { id: 98, title: m('x'), body: DbNull },
        { id: 99, title: m('x'), body: JsonNull },
      ],
    }),
  ),
  encrypted('data.checked', 'of a create', (db) =>
    db.letter.create({ data: { title: m('new'), author: { connect: { email: m('ada') } } }, include: { author: true } }),
  ),
  encrypted('data.checked', 'of a create by a token of nobody', (db) =>
    db.letter.create({ data: { title: m('new'), author: { connect: { email: m('nobody') } } } }),
  ),
  encrypted('data.checked', 'of an update', (db) =>
    db.letter.update({ where: { id: 1 }, data: { title: m('new'), author: { connect: { id: 'bob' } } } }),
  ),
  encrypted('data.unchecked', 'of a create', (db) => db.letter.create({ data: { id: 99, title: m('new'), authorId: 'ada' } })),
  encrypted('data.unchecked', 'of an update', (db) =>
    db.letter.update({ where: { id: 1 }, data: { id: 99, title: m('new'), authorId: null } }),
  ),
  encrypted('data.unchecked', 'of a foreign key that is half of a key', (db) =>
    db.membership.update({
      where: { personId_region_number: { personId: 'ada', region: 'north', number: 1 } },
      data: { role: m('new'), personId: 'cem', number: 2 },
    }),
  ),
]

export const data: readonly Case[] = [...creates, ...updates, ...forms]
