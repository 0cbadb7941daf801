import { describe, expect, test } from 'vitest'
import type { EncryptedClient } from '../../support/encrypted-client.ts'
import { contentsOf, expectRefusal } from '../../support/refused.ts'
import { createTwins } from '../../support/twins.ts'
import { outcomeOf } from '../../support/written.ts'

const { prisma, twin, twinSql, sql, client } = await createTwins('names')

type Call = (db: EncryptedClient) => Promise<unknown>

const everything: Call = async (db) => [
  await db.where.findMany({
    orderBy: { id: 'asc' },
    include: { data: { orderBy: { id: 'asc' }, include: { connect: { orderBy: { id: 'asc' } } } }, connect: true },
  }),
  await db.connect.findMany({
    orderBy: { id: 'asc' },
    include: { select: true, where: true, set: { orderBy: { id: 'asc' }, include: { where: true } } },
  }),
  await db.select.findMany({ orderBy: { id: 'asc' }, include: { connect: true } }),
]

test('a condition that may be meant of a field or of a relation is refused', async () => {
  const where = { connect: { is: { equals: 7 } } }
  await expectRefusal(sql, () => prisma.where.findMany({ where }), { code: 'UNSUPPORTED', model: 'connect', field: 'is' })
})

const json = { where: 'a', data: { connect: [null] } }

describe('models, relations and fields that are named like arguments work as in plain Prisma:', () => {
  const key = { in: { update: 'w1', select: 'one' } }
  const cases: Record<string, Call> = {
    'create, with nested creates': (db) =>
      db.where.create({
        data: {
          id: 'w1',
          select: 'Selected',
          where: 'Nowhere',
          data: { create: [{ select: 'one', data: json }, { select: 'two' }] },
          connect: { create: { connect: 'Connected', equals: 7, select: { create: { where: 'plain' } } } },
        },
        include: { data: true, connect: { include: { select: true, where: true } } },
      }),
    'create from the other side': (db) =>
      db.data.create({
        data: {
          where: { create: { id: 'w2', select: 'Other' } },
          data: [json],
          connect: { connect: [{ id: 1 }], create: { connect: 'Two' } },
        },
        include: { where: true, connect: true },
      }),
    'createMany, which skips duplicates': (db) =>
      db.data.createMany({
        data: [
          { update: 'w1', select: 'one' },
          { update: 'w2', select: 'one', data: 1 },
        ],
        skipDuplicates: true,
      }),
    createManyAndReturn: (db) =>
      db.where.createManyAndReturn({
        data: [{ id: 'w3', select: 'Third', where: 'There' }],
        select: { select: true, where: true },
      }),
    'findUnique by a field': (db) =>
      db.where.findUnique({ where: { select: 'Selected' }, select: { select: true, where: true, data: true } }),
    'findUnique by a key of this name': (db) =>
      db.data.findUnique({ where: key, include: { where: { include: { data: true } } } }),
    'findMany by relations': (db) =>
      db.where.findMany({
        where: { data: { some: { update: 'w1', select: 'one' } }, connect: { is: { where: { select: 'Selected' } } } },
      }),
    'a shorthand whose field is called `is`': (db) =>
      db.data.findMany({
        where: {
          OR: [
            { connect: { some: { is: 'w1' } } },
            { where: { connect: { is: 'w1' } } },
            { where: { connect: { is: { in: ['w1'] } } } },
          ],
        },
        orderBy: { id: 'asc' },
      }),
    'counts and groups': async (db) => [
      await db.where.count({ where: { select: { in: ['Selected', 'Third'] } }, select: { where: true, select: true } }),
      await db.data.groupBy({ by: ['update'], _count: { data: true, select: true }, orderBy: { update: 'asc' } }),
      await db.where.findMany({
        orderBy: { id: 'asc' },
        select: { _count: { select: { data: { where: { update: 'w1', select: 'two' } } } } },
      }),
    ],
    'the fluent API': (db) =>
      db.where.findUnique({ where: { id: 'w1' } }).data({ orderBy: { id: 'asc' }, include: { where: true } }),
    'update of fields': (db) => db.where.update({ where: { select: 'Selected' }, data: { where: { set: 'Somewhere' } } }),
    'update of Json': (db) => db.data.update({ where: key, data: { data: { data: 'changed' } } }),
    'update of a bound column': (db) =>
      db.data.update({ where: { in: { update: 'w2', select: 'one' } }, data: { where: { connect: { select: 'Third' } } } }),
    'update to and from NULL': async (db) => [
      await db.data.update({ where: key, data: { select: null } }),
      await db.data.updateMany({ where: { update: 'w1', select: null }, data: { select: 'one' } }),
    ],
    'updateMany of tokens': (db) => db.data.updateMany({ where: { update: 'w3' }, data: { select: 'three', data: [3] } }),
    'nested update, upsert and updateMany': (db) =>
      db.where.update({
        where: { id: 'w1' },
        data: {
          data: {
            update: { where: key, data: { data: { set: 'Set anew' } } },
            upsert: { where: { id: 99 }, create: { select: 'upserted' }, update: { select: 'never' } },
            updateMany: { where: { select: 'two', update: 'w1' }, data: { data: 2 } },
          },
          connect: { update: { connect: 'Changed', select: { update: { where: 'changed' } } } },
        },
        include: { data: { orderBy: { id: 'asc' } }, connect: { include: { select: true } } },
      }),
    'nested update in its other form': (db) =>
      db.where.update({
        where: { id: 'w1' },
        data: { connect: { update: { where: { select: { where: 'changed' } }, data: { equals: 8 } } } },
        include: { connect: true },
      }),
    'nested connect, connectOrCreate, set and disconnect': async (db) => [
      await db.connect.update({
        where: { id: 1 },
        data: { set: { connect: { in: { update: 'w1', select: 'two' } } }, where: { connect: { select: 'Other' } } },
        include: { set: { orderBy: { id: 'asc' } }, where: true },
      }),
      await db.connect.update({
        where: { id: 1 },
        data: {
          set: { set: [{ id: 1 }] },
          where: { connectOrCreate: { where: { id: 'w5' }, create: { id: 'w5', select: 'Fifth' } } },
        },
        include: { set: true, where: true },
      }),
      await db.connect.update({
        where: { id: 1 },
        data: { set: { disconnect: { id: 1 } }, select: { disconnect: true }, where: { disconnect: true } },
        include: { set: true, where: true, select: true },
      }),
    ],
    upsert: async (db) => [
      await db.where.upsert({ where: { select: 'Sixth' }, create: { id: 'w6', select: 'Sixth' }, update: { where: 'never' } }),
      await db.where.upsert({ where: { select: 'Sixth' }, create: { id: 'w6', select: 'Sixth' }, update: { where: 'Upserted' } }),
    ],
    'delete and deleteMany': async (db) => [
      await db.data.delete({ where: { in: { update: 'w3', select: 'three' } }, include: { where: true } }),
      await db.data.deleteMany({ where: { update: 'w1', select: { in: ['two', 'upserted'] } } }),
    ],
  }

  test.each(Object.entries(cases))('%s', async (_, call) => {
    const expected = await outcomeOf(() => call(twin))
    expect(expected).toMatch(/^returned (?!\[\]|null)/)
    expect(await outcomeOf(() => call(prisma))).toBe(expected)
    expect(await outcomeOf(() => everything(client()))).toBe(await outcomeOf(() => everything(twin)))
  })

  test('and no value of an encrypted field stands in the database', async () => {
    const texts = ['Selected', 'Somewhere', 'Third', 'Fifth', 'Upserted', 'Changed', 'Set anew']
    const inPlain = JSON.stringify(await contentsOf(twinSql))
    const stored = JSON.stringify(await contentsOf(sql))
    expect(texts.filter((text) => !inPlain.includes(text))).toEqual([])
    expect(texts.filter((text) => stored.includes(text))).toEqual([])
  })
})

/** As a request body would hold it: a key of the object's own, which no literal can write. */
const parsed = (text: string): never => JSON.parse(text) as never

// Prisma allows it for no model or field, and can't read a column of this name.
describe('`__proto__`', () => {
  test('as the name of a sealed value is an encrypted field like others', async () => {
    await prisma.where.create({
      data: { id: 'column', select: 'column', data: { create: { select: 'in a column', data: json } } },
    })
    const [row] = await sql(`SELECT "toString" AS token, "constructor" AS placeholder FROM data WHERE "update" = 'column'`)
    expect(row).toEqual({ token: expect.stringMatching(/^~/), placeholder: {} })
    const where = { in: { update: 'column', select: 'in a column' } }
    expect(await client().data.findUnique({ where })).toMatchObject({ select: 'in a column', data: json })
    await prisma.data.update({ where, data: { data: 1 } })
    await prisma.data.update({ where, data: { select: 'renamed' } })
    expect(await client().data.findFirst({ where: { update: 'column' } })).toMatchObject({ select: 'renamed', data: 1 })
  })

  const secret = { email: 'secret@example.org' }
  const polluted = parsed('{ "__proto__": { "email": "secret@example.org" } }')
  const beside = parsed('{ "email": "secret@example.org", "__proto__": { "id": "x" } }')
  const inside = { AND: [parsed('{ "__proto__": {}, "email": "secret@example.org" }')] }
  const calls: Record<string, Call> = {
    'alone in a where': (db) => db.patient.findMany({ where: polluted }),
    'beside others in a where': (db) => db.patient.findMany({ where: beside }),
    'below AND': (db) => db.patient.findMany({ where: inside }),
    'in the where of deleteMany': (db) => db.patient.deleteMany({ where: beside }),
    'in the where of updateMany': (db) => db.patient.updateMany({ where: polluted, data: { fullName: 'secret' } }),
    'in a unique where': (db) => db.patient.findUnique({ where: beside as { id: string } }),
    'in a filter of a relation': (db) => db.condition.findMany({ where: { patient: beside } }),
    'in a cursor': (db) => db.patient.findMany({ cursor: beside as { id: string }, orderBy: { id: 'asc' } }),
    'in data': (db) =>
      db.patient.create({
        data: parsed(
          '{ "id": "p", "email": "secret@example.org", "fullName": "secret", "ward": "w", "__proto__": { "notes": "secret" } }',
        ),
      }),
    'in data of an update': (db) =>
      db.patient.update({ where: { id: 'proto' }, data: parsed('{ "fullName": "secret", "__proto__": { "notes": "secret" } }') }),
    'in nested data': (db) =>
      db.patient.update({
        where: { id: 'proto' },
        data: { profile: { create: parsed('{ "phone": "secret", "__proto__": { "bio": "secret" } }') } },
      }),
    'in a select': (db) =>
      db.patient.findMany({ where: { id: 'proto' }, select: parsed('{ "fullName": true, "__proto__": { "envelope": true } }') }),
    'in an include': (db) =>
      db.patient.findMany({ where: { id: 'proto' }, include: parsed('{ "__proto__": { "profile": true } }') }),
  }

  async function seed(db: EncryptedClient): Promise<void> {
    await db.patient.deleteMany({})
    await db.patient.createMany({
      data: [
        { id: 'proto', ...secret, fullName: 'P', ward: 'w', createdAt: new Date(0) },
        { id: 'other', email: 'other@example.org', fullName: 'O', ward: 'w', createdAt: new Date(0) },
      ],
    })
  }
  const all: Call = (db) => db.patient.findMany({ orderBy: { id: 'asc' }, omit: { createdAt: true }, include: { profile: true } })

  test.each(Object.entries(calls))('%s is lost, as in plain Prisma', async (_, call) => {
    await Promise.all([seed(prisma), seed(twin)])
    expect(await outcomeOf(() => call(prisma))).toBe(await outcomeOf(() => call(twin)))
    expect(await outcomeOf(() => all(client()))).toBe(await outcomeOf(() => all(twin)))
    expect({}).not.toHaveProperty('email')
    expect({}).not.toHaveProperty('notes')
  })

  test('as an operator of an encrypted field is refused like any that ciphertext can’t answer', async () => {
    const where = { email: parsed('{ "__proto__": { "equals": "secret@example.org" } }') }
    const expected = { code: 'UNSUPPORTED', model: 'Patient', field: 'email' } as const
    await expectRefusal(sql, () => prisma.patient.findMany({ where }), expected, 'secret@example.org')
  })
})
