import type { Prisma as Types } from '../../generated/7/client/client.ts'
import { type Case, encrypted, m } from './cases.ts'
import type { Line } from './lines.ts'

const eve = { id: 'eve', email: m('eve'), name: m('Eve') }
const fay = { id: 'fay', email: m('fay'), name: m('Fay') }
const letter = { title: m('new'), body: { n: m('new') } }
const id = { orderBy: { id: 'asc' } } as const
const include = { letters: id, staff: id, friends: id, friendOf: id, memberships: { orderBy: { region: 'asc' } } } as const

const update = (line: Line, name: string, data: Types.PersonUpdateInput): Case =>
  encrypted(line, name, (db) => db.person.update({ where: { id: 'ada' }, data, include }))
const create = (line: Line, name: string, data: Omit<Types.PersonCreateInput, keyof typeof eve>): Case =>
  encrypted(line, name, (db) => db.person.create({ data: { ...eve, ...data }, include }))

const creating: readonly Case[] = [
  create('write.create', 'of a bound row below a create', { letters: { create: letter } }),
  create('write.create', 'of several rows below a create', { letters: { create: [letter, { title: m('newer') }] } }),
  create('write.create', 'of a row of the same model below a create', { staff: { create: fay } }),
  create('write.create', 'many to many below a create', { friends: { create: [fay] } }),
  update('write.create', 'of a bound row', { letters: { create: letter } }),
  update('write.create', 'of several rows beside an encrypted field', {
    name: m('new'),
    letters: { create: [letter, { title: m('newer') }] },
    staff: { create: [eve, fay] },
  }),
  update('write.create', 'many to many', { friends: { create: eve } }),
  update('write.create', 'of a token that is there', { staff: { create: { ...eve, email: m('bob') } } }),
  create('write.createMany', 'of a list below a create', { letters: { createMany: { data: [letter, letter] } } }),
  update('write.createMany', 'of an object', { letters: { createMany: { data: letter } } }),
  update('write.createMany', 'of a list beside an encrypted field', { age: null, staff: { createMany: { data: [eve, fay] } } }),
  update('write.createMany', 'with skipDuplicates on tokens', {
    staff: { createMany: { data: [{ ...eve, email: m('bob') }, fay], skipDuplicates: true } },
  }),
  update('write.createMany', 'of nothing', { letters: { createMany: { data: [] } } }),
  create('write.connectOrCreate', 'of a row that is there, by a token, below a create', {
    staff: { connectOrCreate: { where: { email: m('bob') }, create: fay } },
  }),
  create('write.connectOrCreate', 'of a row that is not, below a create', {
    letters: { connectOrCreate: { where: { id: 99 }, create: letter } },
  }),
  update('write.connectOrCreate', 'of a row that is there, by a token', {
    staff: { connectOrCreate: { where: { email: m('dea') }, create: eve } },
  }),
  update('write.connectOrCreate', 'of a row that is not, by a token', {
    staff: { connectOrCreate: { where: { email: m('eve') }, create: eve } },
  }),
  update('write.connectOrCreate', 'of a bound row, by a plain key', {
    letters: {
      connectOrCreate: [
        { where: { id: 3 }, create: letter },
        { where: { id: 99 }, create: letter },
      ],
    },
  }),
  update('write.connectOrCreate', 'many to many', {
    friends: {
      connectOrCreate: [
        { where: { email: m('dea') }, create: eve },
        { where: { email: m('eve') }, create: eve },
      ],
    },
  }),
]

const attaching: readonly Case[] = [
  create('write.connect', 'by a token, below a create', { staff: { connect: { email: m('dea') } } }),
  create('write.connect', 'of bound rows, below a create', { letters: { connect: [{ id: 3 }, { id: 4 }] } }),
  update('write.connect', 'by tokens', { staff: { connect: [{ email: m('dea') }, { id: 'bob' }] } }),
  update('write.connect', 'of bound rows', { letters: { connect: [{ id: 3 }, { id: 4 }] } }),
  update('write.connect', 'many to many', { friends: { connect: { email: m('dea') } } }),
  update('write.connect', 'of a row that is not there', { staff: { connect: { email: m('nobody') } } }),
  update('write.set', 'by a token', { staff: { set: { email: m('dea') } } }),
  update('write.set', 'of bound rows', { letters: { set: [{ id: 2 }, { id: 4 }] } }),
  update('write.set', 'of nothing', { friendOf: { set: [] }, letters: { set: [] } }),
  update('write.set', 'many to many, by tokens', { friendOf: { set: [{ email: m('dea') }, { id: 'bob' }] } }),
  update('write.disconnect', 'of a where by a token', { staff: { disconnect: { email: m('bob') } } }),
  update('write.disconnect', 'of bound rows', { letters: { disconnect: [{ id: 1 }, { id: 3 }] } }),
  update('write.disconnect', 'many to many', { friendOf: { disconnect: [{ email: m('bob') }] } }),
]

const removing: readonly Case[] = [
  update('write.delete', 'of a where', { letters: { delete: { id: 1 } } }),
  update('write.delete', 'by a token', { staff: { delete: { email: m('cem') } } }),
  update('write.delete', 'of a list', { letters: { delete: [{ id: 1 }, { id: 2 }] } }),
  update('write.delete', 'of another’s row', { letters: { delete: { id: 3 } } }),
  update('write.delete', 'of a compound key', {
    memberships: { delete: { personId_region_number: { personId: 'ada', region: 'north', number: 1 } } },
  }),
  update('write.deleteMany', 'of everything', { letters: { deleteMany: {} } }),
  update('write.deleteMany', 'by a token', { staff: { deleteMany: { email: { in: [m('cem'), m('dea')] } } } }),
  update('write.deleteMany', 'of a list', { letters: { deleteMany: [{ authorId: 'ada', title: m('bye') }, { pages: 1 }] } }),
]

const changing: readonly Case[] = [
  update('write.update.toMany', 'of an object', { letters: { update: { where: { id: 1 }, data: { title: m('new') } } } }),
  update('write.update.toMany', 'of a list', {
    letters: {
      update: [
        { where: { id: 1 }, data: { title: m('new'), pages: 9 } },
        { where: { id: 2 }, data: { body: [1] } },
      ],
    },
  }),
  update('write.update.toMany', 'by a token, with other filters', {
    staff: { update: { where: { email: m('bob'), rank: 2 }, data: { name: m('new'), rank: { decrement: 1 } } } },
  }),
  update('write.update.toMany', 'of another’s row', { letters: { update: { where: { id: 3 }, data: { title: m('new') } } } }),
  update('write.update.toMany', 'many to many, beside an encrypted field', {
    name: m('new'),
    friendOf: { update: { where: { id: 'cem' }, data: { age: 7734199 } } },
  }),
  update('write.update.toMany', 'of a compound key', {
    memberships: {
      update: { where: { personId_region_number: { personId: 'ada', region: 'south', number: 1 } }, data: { role: m('new') } },
    },
  }),
  update('write.updateMany', 'of an object', { letters: { updateMany: { where: {}, data: { title: m('new') } } } }),
  update('write.updateMany', 'of a list', {
    staff: {
      updateMany: [
        { where: { email: m('bob') }, data: { name: m('new') } },
        { where: { rank: 2 }, data: { age: 7734199, rank: { increment: 1 } } },
      ],
    },
  }),
  update('write.updateMany', 'of columns that are not encrypted', {
    letters: { updateMany: { where: { pages: 1 }, data: { pages: 5 } } },
  }),
  update('write.updateMany', 'of no row', { letters: { updateMany: { where: { pages: 99 }, data: { title: m('new') } } } }),
  update('write.upsert.toMany', 'of a row that is there', {
    letters: { upsert: { where: { id: 1 }, create: letter, update: { title: m('new') } } },
  }),
  update('write.upsert.toMany', 'of a row that is not', {
    letters: { upsert: { where: { id: 99 }, create: letter, update: { title: m('x') } } },
  }),
  update('write.upsert.toMany', 'of a list, by tokens', {
    staff: {
      upsert: [
        { where: { email: m('bob') }, create: eve, update: { name: m('new') } },
        { where: { email: m('eve') }, create: eve, update: { name: m('x') } },
      ],
    },
  }),
  update('write.upsert.toMany', 'many to many', {
    friends: { upsert: { where: { email: m('eve') }, create: eve, update: {} } },
  }),
  update('write.deep', 'of three levels that seal', {
    staff: {
      update: {
        where: { email: m('bob') },
        data: {
          letters: { create: letter, update: { where: { id: 3 }, data: { body: { n: m('new') } } } },
          badge: { update: { motto: m('new') } },
        },
      },
    },
  }),
  create('write.deep', 'of three levels that create', {
    staff: { create: { ...fay, letters: { create: letter }, badge: { create: { motto: m('new') } } } },
    memberships: { create: { role: m('new'), club: { create: { region: 'east', number: 1, title: m('new') } } } },
  }),
  update('write.deep', 'of several operations of one relation', {
    letters: {
      create: letter,
      connect: { id: 4 },
      update: { where: { id: 2 }, data: { title: m('newer') } },
      updateMany: { where: { pages: 1 }, data: { pages: 4 } },
      delete: { id: 1 },
    },
  }),
]

export const nestedToMany: readonly Case[] = [...creating, ...attaching, ...removing, ...changing]
