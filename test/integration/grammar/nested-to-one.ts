import type { Prisma as Types } from '../../generated/7/client/client.ts'
import { type Case, encrypted, m } from './cases.ts'
import type { Line } from './lines.ts'

const eve = { id: 'eve', email: m('eve'), name: m('Eve') }
const locker = { id: 'l9', code: m('9999') }
const include = { boss: true, locker: true, badge: true } as const

/** A relation whose foreign key is the row's own, to `boss`; and two whose foreign key is the other row's, to `locker` and `badge`. */
const person = (line: Line, name: string, id: string, data: Types.PersonUpdateInput): Case =>
  encrypted(line, name, (db) => db.person.update({ where: { id }, data, include }))
/** A relation whose foreign key is one that the row is bound to. */
const letter = (line: Line, name: string, id: number, data: Types.LetterUpdateInput): Case =>
  encrypted(line, name, (db) => db.letter.update({ where: { id }, data, include: { author: true } }))
const create = (line: Line, name: string, data: Omit<Types.PersonCreateInput, keyof typeof eve>): Case =>
  encrypted(line, name, (db) => db.person.create({ data: { ...eve, ...data }, include }))

const fay = { id: 'fay', email: m('fay'), name: m('Fay') }

const creating: readonly Case[] = [
  create('write.create', 'of one row on either side, below a create', { boss: { create: fay }, locker: { create: locker } }),
  create('write.create', 'of one row that shares the key, below a create', { badge: { create: { motto: m('new') } } }),
  encrypted('write.create', 'of the row that a new row is bound to', (db) =>
    db.letter.create({ data: { title: m('new'), author: { create: eve } }, include: { author: true } }),
  ),
  ...['bob', 'eve'].map((name) =>
    encrypted('write.connectOrCreate', `of the row that a new row is bound to, by the token of ${name}`, (db) =>
      db.letter.create({
        data: { title: m('new'), author: { connectOrCreate: { where: { email: m(name) }, create: eve } } },
        include: { author: true },
      }),
    ),
  ),
  person('write.create', 'of the row that this one references', 'ada', { boss: { create: eve } }),
  person('write.create', 'of the row that references this one', 'cem', {
    locker: { create: locker },
    badge: { create: { motto: m('n') } },
  }),
  person('write.create', 'in place of another, beside an encrypted field', 'ada', { name: m('new'), locker: { create: locker } }),
  letter('write.create', 'of the row that this one is bound to', 1, { author: { create: eve } }),
  create('write.connectOrCreate', 'of one row that is there, by a token, below a create', {
    boss: { connectOrCreate: { where: { email: m('ada') }, create: fay } },
  }),
  create('write.connectOrCreate', 'of one row that is not, below a create', {
    boss: { connectOrCreate: { where: { email: m('fay') }, create: fay } },
    locker: { connectOrCreate: { where: { id: 'l9' }, create: locker } },
  }),
  person('write.connectOrCreate', 'of one row that is there, by a token', 'ada', {
    boss: { connectOrCreate: { where: { email: m('dea') }, create: eve } },
  }),
  person('write.connectOrCreate', 'of one row that is not, by a token', 'ada', {
    boss: { connectOrCreate: { where: { email: m('eve') }, create: eve } },
  }),
  person('write.connectOrCreate', 'of one row that references this one', 'cem', {
    locker: { connectOrCreate: { where: { id: 'l2' }, create: locker } },
  }),
  letter('write.connectOrCreate', 'of the row that this one is bound to, by a token', 1, {
    title: m('new'),
    author: { connectOrCreate: { where: { email: m('bob') }, create: eve } },
  }),
]

const attaching: readonly Case[] = [
  create('write.connect', 'of one row on either side, below a create', {
    boss: { connect: { email: m('ada') } },
    locker: { connect: { id: 'l2' } },
  }),
  person('write.connect', 'by a token', 'ada', { boss: { connect: { email: m('dea') } } }),
  person('write.connect', 'of one row that references this one', 'cem', { locker: { connect: { id: 'l1' } } }),
  person('write.connect', 'of a row that is not there, to one', 'ada', { boss: { connect: { email: m('nobody') } } }),
  letter('write.connect', 'of the row that this one is bound to', 1, { author: { connect: { email: m('bob') } } }),
  person('write.disconnect', 'of true', 'bob', { boss: { disconnect: true }, locker: { disconnect: true } }),
  person('write.disconnect', 'of false', 'bob', { boss: { disconnect: false } }),
  person('write.disconnect', 'of a where by a token, to one', 'bob', { boss: { disconnect: { email: m('ada') } } }),
  person('write.disconnect', 'of a where that does not hold', 'bob', { boss: { disconnect: { email: m('dea') } } }),
  person('write.disconnect', 'beside an encrypted field', 'bob', { name: m('new'), boss: { disconnect: true } }),
  letter('write.disconnect', 'of the row that this one is bound to', 1, { title: m('new'), author: { disconnect: true } }),
  person('write.delete', 'of true', 'bob', { locker: { delete: true }, badge: { delete: true } }),
  person('write.delete', 'of true, of the row that this one references', 'dea', { boss: { delete: true } }),
  person('write.delete', 'of a where by a token, to one', 'ada', { badge: { delete: { motto: m('gold') } } }),
  person('write.delete', 'of a where that does not hold', 'ada', { badge: { delete: { motto: m('iron') } } }),
  person('write.delete', 'of one row that is not there', 'cem', { locker: { delete: true } }),
]

const changing: readonly Case[] = [
  person('write.update.toOne', 'of the data itself', 'bob', { boss: { update: { name: m('new') } } }),
  person('write.update.toOne', 'of { data }', 'bob', { boss: { update: { data: { name: m('new'), rank: 9 } } } }),
  person('write.update.toOne', 'of { where, data }', 'bob', {
    boss: { update: { where: { email: m('ada') }, data: { name: m('new') } } },
  }),
  person('write.update.toOne', 'of { where, data } that does not hold', 'bob', {
    boss: { update: { where: { email: m('dea') }, data: { name: m('new') } } },
  }),
  person('write.update.toOne', 'of rows that reference this one', 'ada', {
    locker: { update: { code: m('new'), place: 'cellar' } },
    badge: { update: { where: { colour: 'red' }, data: { motto: m('new') } } },
  }),
  person('write.update.toOne', 'beside an encrypted field', 'bob', { age: null, boss: { update: { age: null } } }),
  person('write.update.toOne', 'of one row that is not there', 'ada', { boss: { update: { name: m('new') } } }),
  person('write.update.toOne', 'of columns that are not encrypted', 'bob', { boss: { update: { rank: { multiply: 5 } } } }),
  letter('write.update.toOne', 'of the row that this one is bound to', 1, { author: { update: { name: m('new') } } }),
  letter('write.update.toOne', 'of the key that this one is bound to', 3, { author: { update: { id: 'zoe' } } }),
  person('write.upsert.toOne', 'of a row that is there', 'bob', {
    boss: { upsert: { create: eve, update: { name: m('new') } } },
  }),
  person('write.upsert.toOne', 'of a row that is not', 'ada', { boss: { upsert: { create: eve, update: { name: m('x') } } } }),
  person('write.upsert.toOne', 'with a where that holds', 'ada', {
    badge: { upsert: { where: { motto: m('gold') }, create: { motto: m('x') }, update: { motto: m('new') } } },
  }),
  person('write.upsert.toOne', 'with a where that does not hold', 'ada', {
    badge: { upsert: { where: { motto: m('iron') }, create: { motto: m('new') }, update: { motto: m('x') } } },
  }),
  person('write.upsert.toOne', 'of rows that reference this one', 'cem', {
    locker: { upsert: { create: locker, update: { code: m('x') } } },
    badge: { upsert: { create: { motto: m('new') }, update: {} } },
  }),
  letter('write.upsert.toOne', 'of the row that this one is bound to', 4, {
    author: { upsert: { create: eve, update: { name: m('x') } } },
  }),
  person('write.deep', 'from one row to another and on', 'dea', {
    boss: { update: { boss: { update: { letters: { updateMany: { where: {}, data: { title: m('new') } } } } } } },
  }),
  encrypted('write.deep', 'below an upsert', (db) =>
    db.person.upsert({
      where: { email: m('eve') },
      create: { ...eve, letters: { create: { title: m('new') } }, boss: { connect: { email: m('ada') } } },
      update: {},
      include: { letters: { omit: { id: true } }, boss: true },
    }),
  ),
  encrypted('write.deep', 'below an upsert that updates', (db) =>
    db.person.upsert({
      where: { email: m('bob') },
      create: eve,
      update: {
        name: m('new'),
        letters: { update: { where: { id: 3 }, data: { title: m('new') } } },
        boss: { update: { age: null } },
      },
      include,
    }),
  ),
]

export const nestedToOne: readonly Case[] = [...creating, ...attaching, ...changing]
