import { createIndexKey, type EnvelopeOptions } from 'prisma-envelope'
import { afterEach, describe, expect, test } from 'vitest'
import type { EncryptedClient } from '../support/encrypted-client.ts'
import { rememberRows, restoreRows } from '../support/saved-rows.ts'
import { createTwins } from '../support/twins.ts'
import { written } from '../support/written.ts'

/** Who has written the rows that are there, and who meets them. */
type Pair = (a: string, b: string) => readonly [there: Partial<EnvelopeOptions>, own: Partial<EnvelopeOptions>]

const pairs: Record<string, Pair> = {
  'a token of the next index key': (a, b) => [
    { indexKey: { current: b, others: [a] } },
    { indexKey: { current: a, others: [b] } },
  ],
  'plaintext, in mode dual': () => [{ mode: 'plain' }, { mode: 'dual' }],
  'a token, in mode plain': () => [{ mode: 'dual' }, { mode: 'plain' }],
  'plaintext, in mode dual with two index keys': (a, b) => [
    { mode: 'plain', indexKey: { current: a, others: [b] } },
    { mode: 'dual', indexKey: { current: b, others: [a] } },
  ],
  'a token of another index key, in mode dual': (a, b) => [
    { mode: 'dual', indexKey: { current: a, others: [b] } },
    { mode: 'dual', indexKey: { current: b, others: [a] } },
  ],
}

const LAST = Object.keys(pairs).at(-1)

type Call = (db: EncryptedClient) => Promise<unknown>

const ada = { id: 'ada', email: 'ada', name: 'Ada' }
const eve = { id: 'eve', email: 'eve', name: 'Eve' }
const byId = { orderBy: { id: 'asc' } } as const

/** What the database refuses, skips or changes where its unique indexes can't see why. */
const calls: Record<string, Call> = {
  'create of a value that is there': (db) => db.person.create({ data: { ...eve, email: 'ada' } }),
  'create of a value that is not there': (db) => db.person.create({ data: eve }),
  'create below another row': (db) =>
    db.person.create({ data: { ...eve, staff: { create: { ...eve, id: 'fay', email: 'ada' } } } }),
  'create of a row that references one of a value that is there': (db) =>
    db.letter.create({ data: { title: 'x', author: { create: { ...eve, email: 'ada' } } } }),
  createMany: (db) => db.person.createMany({ data: [eve, { ...eve, id: 'fay', email: 'bob' }] }),
  'createMany of none that is there': (db) => db.person.createMany({ data: [eve, { ...eve, id: 'fay', email: 'fay' }] }),
  'createMany of one value twice': (db) => db.person.createMany({ data: [eve, { ...eve, id: 'fay' }] }),
  'createMany that skips': (db) =>
    db.person.createMany({
      data: [eve, { ...eve, id: 'fay', email: 'bob' }, { ...eve, id: 'gus', email: 'gus' }],
      skipDuplicates: true,
    }),
  'createManyAndReturn that skips': (db) =>
    db.person.createManyAndReturn({
      data: [eve, { ...eve, id: 'fay', email: 'bob' }],
      skipDuplicates: true,
      select: { email: true },
    }),
  'createMany below another row, which skips': (db) =>
    db.club.create({
      data: {
        region: 'east',
        number: 1,
        title: 'chess',
        memberships: {
          create: { role: 'x', person: { connectOrCreate: { where: { email: 'bob' }, create: { ...eve, email: 'bob' } } } },
        },
      },
      include: { memberships: { include: { person: true } } },
    }),
  'upsert of a value that is there': (db) =>
    db.person.upsert({ where: { email: 'ada' }, create: { ...eve, email: 'ada' }, update: { name: 'Ada II' } }),
  'upsert of a value that is not there': (db) =>
    db.person.upsert({ where: { email: 'eve' }, create: eve, update: { name: 'Eve II' } }),
  'upsert by a key, which creates a value that is there': (db) =>
    db.person.upsert({ where: { id: 'eve' }, create: { ...eve, email: 'ada' }, update: {} }),
  'upsert by a key, which updates to a value that is there': (db) =>
    db.person.upsert({ where: { id: 'bob' }, create: eve, update: { email: 'ada' } }),
  'upsert with nested writes': (db) =>
    db.person.upsert({
      where: { email: 'ada' },
      create: { ...eve, email: 'ada' },
      update: { staff: { connectOrCreate: { where: { email: 'bob' }, create: { ...eve, email: 'bob' } } } },
      include: { staff: true },
    }),
  'update to a value that is there': (db) => db.person.update({ where: { id: 'bob' }, data: { email: 'ada' } }),
  'update to its own value': (db) => db.person.update({ where: { id: 'bob' }, data: { email: 'bob', rank: 5 } }),
  'update to a value that is not there': (db) => db.person.update({ where: { email: 'bob' }, data: { email: { set: 'rob' } } }),
  'update of another field': (db) => db.person.update({ where: { email: 'bob' }, data: { name: 'Bob II' } }),
  'update to a value that is there, by its value': (db) =>
    db.person.update({ where: { email: 'bob' }, data: { email: 'ada', name: 'x' } }),
  'updateMany of one row to a value that is there': (db) =>
    db.person.updateMany({ where: { email: 'bob' }, data: { email: 'ada' } }),
  'updateMany of several rows to one value': (db) => db.person.updateMany({ data: { email: 'same' } }),
  'updateManyAndReturn to its own value': (db) => db.person.updateManyAndReturn({ where: { id: 'bob' }, data: { email: 'bob' } }),
  'nested update to a value that is there': (db) =>
    db.person.update({ where: { id: 'ada' }, data: { staff: { update: { where: { id: 'cem' }, data: { email: 'bob' } } } } }),
  'nested updateMany to a value that is there': (db) =>
    db.person.update({
      where: { id: 'ada' },
      data: { staff: { updateMany: { where: { email: 'cem' }, data: { email: 'bob' } } } },
    }),
  'nested upsert of a value that is there': (db) =>
    db.person.update({
      where: { id: 'ada' },
      data: { staff: { upsert: { where: { email: 'cem' }, create: eve, update: { name: 'Cem II' } } } },
      include: { staff: byId },
    }),
  'nested upsert that creates a value that is there elsewhere': (db) =>
    db.person.update({
      where: { id: 'ada' },
      data: { staff: { upsert: { where: { email: 'bob' }, create: { ...eve, email: 'bob' }, update: {} } } },
    }),
  'connectOrCreate of a value that is there': (db) =>
    db.letter.create({
      data: { title: 'x', author: { connectOrCreate: { where: { email: 'bob' }, create: { ...eve, email: 'bob' } } } },
      select: { authorId: true },
    }),
  'connect, set and disconnect': async (db) => [
    await db.person.update({ where: { id: 'ada' }, data: { staff: { connect: { email: 'bob' } } }, include: { staff: byId } }),
    await db.person.update({ where: { email: 'ada' }, data: { staff: { set: [{ email: 'bob' }] } }, include: { staff: byId } }),
    await db.person.update({ where: { id: 'ada' }, data: { staff: { disconnect: { email: 'bob' } } }, include: { staff: byId } }),
  ],
  'delete and nested delete': async (db) => [
    await db.person.update({ where: { id: 'ada' }, data: { staff: { delete: [{ email: 'cem' }] } }, include: { staff: true } }),
    await db.person.delete({ where: { email: 'bob' } }),
  ],
  'a part of a compound key that makes it one that is there': (db) =>
    db.club.update({ where: { region_number: { region: 'south', number: 1 } }, data: { region: 'north' } }),
  'a part of a compound key that makes it one that is not there': (db) =>
    db.club.update({ where: { region_number: { region: 'south', number: 1 } }, data: { region: 'west' } }),
  'a part of a compound key, of many rows': (db) => db.club.updateMany({ where: { title: 'chess' }, data: { region: 'west' } }),
  'a compound key that is there': (db) => db.club.create({ data: { region: 'south', number: 9, title: 'chess' } }),
  'one value under other parts of a compound key': (db) =>
    db.club.create({ data: { region: 'west', number: 9, title: 'chess' } }),
  'upsert by a compound key': (db) =>
    db.club.upsert({
      where: { region_title: { region: 'south', title: 'chess' } },
      create: { region: 'south', number: 9, title: 'chess' },
      update: { open: false },
    }),
  'a scope that makes a key one that is there': (db) => db.member.update({ where: { id: 'm2' }, data: { tenantId: 1 } }),
  'a scope that makes a key one that is there, by connect': (db) =>
    db.member.update({ where: { id: 'm2' }, data: { tenant: { connect: { id: 1 } } } }),
  'a scope that makes a key one that is there, by connect from the other side': (db) =>
    db.tenant.update({ where: { id: 1 }, data: { members: { connect: { id: 'm2' } } } }),
  'a scope that makes a key one that is not there': (db) =>
    db.member.update({ where: { tenantId_email: { tenantId: 2, email: 'Dup' } }, data: { tenantId: 3 } }),
  'a key with a null in it': async (db) => [
    await db.where.create({ data: { id: 'w', select: 's' } }),
    await db.data.create({ data: { update: 'w' }, select: { update: true, select: true } }),
    await db.data.create({ data: { update: 'w', select: null }, select: { update: true, select: true } }),
  ],
}

async function populate(db: EncryptedClient): Promise<void> {
  await db.person.create({ data: ada })
  await db.person.create({ data: { id: 'bob', email: 'bob', name: 'Bob' } })
  await db.person.create({ data: { id: 'cem', email: 'cem', name: 'Cem', bossId: 'ada' } })
  await db.club.createMany({
    data: [
      { region: 'north', number: 1, title: 'chess' },
      { region: 'south', number: 1, title: 'chess' },
    ],
  })
  await db.tenant.createMany({ data: [1, 2, 3].map((id) => ({ id, name: String(id) })) })
  await db.member.create({ data: { id: 'm1', tenantId: 1, email: 'Dup' } })
  await db.member.create({ data: { id: 'm2', tenantId: 2, email: 'Dup' } })
}

const TABLES = ['persons', '_Friends', 'Letter', 'Club', 'memberships', 'Tenant', 'Member', 'where', 'data']

/** A client's result or error, with all of `meta` that does not quote a message; its rows then. */
async function outcomeOf(db: EncryptedClient, call: Call): Promise<string> {
  const result = await call(db).then(written, (error: Error & { code?: string; meta?: Meta }) => {
    const { modelName, driverAdapterError: { cause } = {} } = error.meta ?? {}
    return written({ name: error.name, code: error.code, modelName, kind: cause?.kind, constraint: cause?.constraint })
  })
  const rows = [
    await db.person.findMany({ ...byId, include: { staff: byId } }),
    await db.club.findMany({ orderBy: [{ region: 'asc' }, { number: 'asc' }] }),
    await db.member.findMany(byId),
  ]
  return `${result}\n${written(rows)}`
}

interface Meta {
  readonly modelName?: string
  readonly driverAdapterError?: { readonly cause?: { readonly kind?: string; readonly constraint?: unknown } }
}

describe.each(Object.entries(pairs))('where rows hold %s,', async (name, pair) => {
  const { twin, sql, twinSql, keys, indexKey, client } = await createTwins('unique_in_forms')
  const [theirs, ours] = pair(indexKey.current, await createIndexKey(keys))
  const [there, own] = [client(theirs), client(ours)]
  await Promise.all([populate(there), populate(twin)])
  await Promise.all([sql, twinSql].map((run) => rememberRows(run, TABLES)))

  afterEach(async () => {
    await Promise.all([sql, twinSql].map(restoreRows))
  })

  test.each(Object.entries(calls))('%s does what plain Prisma does', async (_title, call) => {
    const expected = await outcomeOf(twin, call)
    expect(await outcomeOf(own, call)).toBe(expected)
  })

  // What differs inside a transaction differs for every form alike.
  test.runIf(name === LAST).each(Object.entries(calls))('in a transaction: %s', async (_title, call) => {
    const inTransaction =
      (db: EncryptedClient): Call =>
      () =>
        db.$transaction((tx) => call(tx as EncryptedClient))
    const expected = await outcomeOf(twin, inTransaction(twin))
    expect(await outcomeOf(own, inTransaction(own))).toBe(expected)
  })
})
