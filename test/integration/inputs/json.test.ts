import { describe, expect, test } from 'vitest'
import { Prisma } from '../../support/client.ts'
import type { EncryptedClient } from '../../support/encrypted-client.ts'
import { HOUSE } from '../../support/hospital.ts'
import { contentsOf } from '../../support/refused.ts'
import { createTwins, type Nulls } from '../../support/twins.ts'
import { outcomeOf } from '../../support/written.ts'

const { prisma, twin, twinNulls, sql, client } = await createTwins('json')

/** As a request body holds it: `__proto__` is a key of its own. */
const parsed = (text: string): object => JSON.parse(text) as object

/** Each holds the text `secret`. */
const values: Readonly<Record<string, object>> = {
  'keys named like encrypted fields': {
    email: 'secret@x.org',
    fullName: { set: 'secret' },
    history: { history: 'secret' },
    notes: null,
  },
  'keys named like the envelope and its parts': {
    envelope: { v: 1, kid: 'secret', dek: '', ct: '' },
    ct: 'secret',
    fs: 'secret',
  },
  'keys with dots, quotes and brackets': {
    'a.b': 'secret',
    a: { b: 'other' },
    '$.x': 1,
    'x[0]': 2,
    '"': "'",
    '': 'secret',
    '\\': '\n',
  },
  'keys like arguments': {
    where: { id: 'secret' },
    data: { set: 'secret' },
    select: true,
    connect: { id: 1 },
    AND: [],
    equals: 'secret',
    increment: 1,
  },
  'one key called `set`': { set: { set: 'secret' } },
  'one key called `increment`': { increment: 'secret' },
  'keys that objects inherit': { constructor: 'secret', toString: 'secret', hasOwnProperty: 1, valueOf: null },
  'a key called `__proto__`': parsed('{ "__proto__": { "email": "secret" }, "kept": "secret" }'),
  'nothing but `__proto__`, deep within': parsed('{ "secret": [{ "__proto__": "secret" }, { "__proto__": [] }] }'),
  'keys like marks of the wire protocol': { $type: 'secret', value: 'secret', prisma__type: 'date', prisma__value: 'secret' },
  'keys that are numbers, and out of order': { '10': 'secret', '2': 'b', b: 1, a: 2, '-1': 3 },
  'the shape of a field reference': { modelName: 'Patient', name: 'secret', typeName: 'String', isList: false },
}

const patient = (id: string) => ({ id, email: `${id}@x.org`, fullName: id, ward: 'w', createdAt: new Date(0) })
const all = (db: EncryptedClient) => db.patient.findMany({ orderBy: { id: 'asc' }, include: { conditions: true } })

type Write = (db: EncryptedClient, value: object, nulls: Nulls) => Promise<unknown>
const writes: Readonly<Record<string, Write>> = {
  create: (db, history) => db.patient.create({ data: { ...patient('created'), history } }),
  createMany: (db, history) => db.patient.createMany({ data: [{ ...patient('many'), history }, patient('other')] }),
  'update of the one field': (db, history) =>
    db.patient.update({ where: { id: 'here' }, data: { history }, select: { history: true } }),
  'update of all fields': (db, history) =>
    db.patient.update({
      where: { id: 'here' },
      data: { email: 'h', ssn: null, fullName: 'H', birthDate: null, history, notes: 'n' },
    }),
  updateMany: (db, history) => db.patient.updateMany({ where: { ward: 'w' }, data: { history } }),
  'upsert, which creates': (db, history) =>
    db.patient.upsert({ where: { email: 'new@x.org' }, create: { ...patient('new'), history }, update: {} }),
  'upsert, which updates': (db, history) =>
    db.patient.upsert({ where: { email: 'here@x.org' }, create: patient('new'), update: { history } }),
  'a nested create': (db, history) =>
    db.doctor.create({
      data: { id: HOUSE, name: 'D', patients: { create: { ...patient('nested'), history } } },
      select: { patients: true },
    }),
  'a nested update': (db, history) =>
    db.tag.update({
      where: { id: 1 },
      data: { patients: { update: { where: { id: 'here' }, data: { history } } } },
      select: { patients: true },
    }),
}

describe.each(Object.entries(values))('a Json value with %s', (_, value) => {
  test.each(Object.entries(writes))('is written by %s as by plain Prisma', async (__, write) => {
    for (const db of [prisma, twin]) {
      await db.patient.deleteMany({})
      await db.doctor.deleteMany({})
      await db.tag.deleteMany({})
      const tag = { id: 1, label: 'tag' }
      await db.patient.create({ data: { ...patient('here'), tags: { create: tag } } })
    }
    const expected = await outcomeOf(() => write(twin, value, twinNulls))
    expect(expected).toMatch(/^returned /)
    expect(await outcomeOf(() => write(prisma, value, Prisma))).toBe(expected)
    expect(await outcomeOf(() => all(client()))).toBe(await outcomeOf(() => all(twin)))
    expect(JSON.stringify(await contentsOf(sql))).not.toContain('secret')
  })
})

describe('in a list of Json', () => {
  test.each(Object.entries(values))('%s come back as from plain Prisma', async (_, value) => {
    const row = {
      string: 's',
      int: 1,
      bigInt: 1n,
      float: 1,
      decimal: 1,
      boolean: true,
      dateTime: new Date(0),
      json: value,
      bytes: new Uint8Array(),
      mood: 'CALM' as const,
      jsonList: [value, [value]],
    }
    const write = async (db: EncryptedClient) => {
      const { id } = await db.allTypes.create({ data: row })
      await db.allTypes.update({ where: { id }, data: { jsonList: { set: [value] }, stringList: ['a'] } })
      return db.allTypes.findUnique({ where: { id }, select: { json: true, jsonList: true } })
    }
    expect(await outcomeOf(() => write(prisma))).toBe(await outcomeOf(() => write(twin)))
  })
})
