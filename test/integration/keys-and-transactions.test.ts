import type { EnvelopeOptions, KeyProvider } from 'prisma-envelope'
import { describe, expect, test } from 'vitest'
import { keyStore } from '../support/client.ts'
import { createEncryptedClient, type EncryptedClient } from '../support/encrypted-client.ts'
import { m } from './grammar/cases.ts'

const { client, keys, sql, kms } = await createEncryptedClient('keys_and_transactions')

/** Transactions that were open on Prisma's connections when the KMS was asked. */
const seen: (readonly unknown[])[] = []

async function look(): Promise<void> {
  seen.push(
    await sql(`SELECT state, query FROM pg_stat_activity
      WHERE datname = current_database() AND backend_type = 'client backend' AND xact_start IS NOT NULL
        AND application_name <> (SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid())`),
  )
}

const { current } = keys
/** The provider itself, which looks at the server before each call. */
const watching: KeyProvider = {
  name: current.name,
  async generateDataKey(...given) {
    await look()
    return current.generateDataKey(...given)
  },
  async wrap(...given) {
    await look()
    return current.wrap(...given)
  },
  async unwrap(...given) {
    await look()
    return current.unwrap(...given)
  },
}

let count = 0

/** Two people, each with a letter and sealed under a branch key of its own. */
async function seeded(options: Partial<EnvelopeOptions> = {}): Promise<string> {
  count += 1
  const id = `person ${count}`
  for (const [name, db] of Object.entries({ [id]: client(options), [`${id} boss`]: client(options) })) {
    await db.person.create({
      data: { id: name, email: m(name), name: m('before'), letters: { create: [{ title: m('before') }] } },
    })
  }
  await client(options).person.update({ where: { id }, data: { bossId: `${id} boss` } })
  return id
}

const newcomer = (id: string) => ({ id: `${id} new`, email: m(`${id} new`), name: m('new') })

type Operation = (db: EncryptedClient, id: string) => Promise<unknown>

const operations: Readonly<Record<string, Operation>> = {
  'a read of rows under several keys': (db, id) =>
    db.person.findUnique({ where: { email: m(id) }, include: { boss: true, letters: true } }),
  'a create': (db, id) => db.person.create({ data: newcomer(id) }),
  'a create of a row that is bound to a key from the database': (db, id) =>
    db.tenant.create({ data: { name: id, members: { create: { email: m(id) } } } }),
  'a create that connects by a token': (db, id) =>
    db.letter.create({ data: { title: m('new'), author: { connect: { email: m(id) } } } }),
  'a nested create': (db, id) => db.person.create({ data: { ...newcomer(id), letters: { create: { title: m('new') } } } }),
  createMany: (db, id) => db.person.createMany({ data: [newcomer(id)] }),
  'an update of some encrypted fields': (db, id) => db.person.update({ where: { id }, data: { name: m('new') } }),
  'an update of all encrypted fields': (db, id) =>
    db.person.update({ where: { id }, data: { name: m('new'), email: m(`${id} new`), age: null } }),
  'a nested update of rows under several keys': (db, id) =>
    db.person.update({
      where: { id },
      data: {
        name: m('new'),
        boss: { update: { name: m('new'), letters: { updateMany: { where: {}, data: { title: m('new') } } } } },
        letters: { create: { title: m('more') } },
      },
    }),
  'updateMany of rows under several keys': (db, id) =>
    db.person.updateMany({ where: { id: { startsWith: id } }, data: { name: m('new') } }),
  updateManyAndReturn: (db, id) => db.person.updateManyAndReturn({ where: { id: { startsWith: id } }, data: { name: m('new') } }),
  'an upsert that creates': (db, id) =>
    db.person.upsert({ where: { email: m(`${id} new`) }, create: newcomer(id), update: { name: m('x') } }),
  'an upsert that updates, with nested writes': (db, id) =>
    db.person.upsert({
      where: { email: m(id) },
      create: newcomer(id),
      update: { name: m('new'), boss: { update: { age: 7734191 } } },
    }),
  'a change of a bound column': (db, id) =>
    db.person.update({ where: { id }, data: { boss: { update: { letters: { set: [] } } } } }),
  'a delete': (db, id) => db.person.delete({ where: { email: m(id) } }),
  'a batch of operations of one query': (db, id) =>
    db.$transaction([
      db.person.create({ data: newcomer(id) }),
      db.person.update({ where: { id }, data: { name: m('new'), email: m(`${id} newer`), age: null } }),
    ]),
}

describe.each([
  ['keys that rows carry', {}],
  ['keys of the key store', { keyStore, branch: { rotateAfter: 1 }, cache: { maxEntries: 0 } }],
])('no transaction is open while the KMS is asked for %s', (_, options) => {
  test.each(Object.entries(operations))('%s', async (_title, operation) => {
    const id = await seeded(options)
    const cold = client({ keys: { current: watching }, ...options })
    seen.length = 0
    kms.resetLog()
    await operation(cold, id)
    expect(seen.length).toBeGreaterThan(0)
    expect(seen.flat()).toEqual([])
    // Every call was watched.
    const calls = Object.values(kms.calls).reduce((sum: number, calls) => sum + (calls ?? 0), 0)
    expect(seen).toHaveLength(calls)
  })
})

test('in a transaction of the caller, keys that are not at hand can be fetched only while it is open', async () => {
  const id = await seeded()
  const cold = client({ keys: { current: watching } })
  seen.length = 0
  await cold.$transaction((tx) => tx.person.findUnique({ where: { id } }))
  expect(seen).toMatchObject([[{ state: 'idle in transaction' }]])
})

test('keys that are at hand are not asked for again, in whatever transaction', async () => {
  const id = await seeded()
  const warm = client({ keys: { current: watching } })
  await warm.person.findMany({ where: { id: { startsWith: id } }, include: { letters: true } })
  await warm.person.create({ data: newcomer(`${id} other`) })
  await warm.letter.create({ data: { title: m('new'), authorId: id } })
  seen.length = 0
  await warm.$transaction(async (tx) => {
    for (const [title, operation] of Object.entries(operations)) {
      if (/create|delete|batch|all/.test(title)) continue
      await operation(tx as EncryptedClient, id)
    }
  })
  expect(seen).toEqual([])
})
