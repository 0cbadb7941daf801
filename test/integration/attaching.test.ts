import { beforeEach, expect, test } from 'vitest'
import type { EncryptedClient } from '../support/encrypted-client.ts'
import { createTwins } from '../support/twins.ts'
import { outcomeOf } from '../support/written.ts'

const { prisma, twin, client, sql, twinSql } = await createTwins('attaching')

type Db = EncryptedClient

async function seed(db: Db): Promise<void> {
  const person = (id: string) => ({ id, email: `${id}@example.org`, name: id.toUpperCase() })
  await db.person.create({ data: { ...person('ada'), badge: { create: { motto: 'onward' } } } })
  await db.person.create({ data: { ...person('bob'), boss: { connect: { id: 'ada' } } } })
  await db.person.create({ data: person('cem') })
  for (const [id, authorId] of [
    [1, 'ada'],
    [2, 'ada'],
    [3, 'bob'],
  ] as const) {
    await db.letter.create({ data: { id, title: `letter ${id}`, authorId } })
  }
  for (const number of [1, 2]) await db.club.create({ data: { region: 'north', number, title: `club ${number}` } })
  await db.membership.create({ data: { personId: 'ada', region: 'north', number: 1, role: 'chair' } })
}

beforeEach(async () => {
  const wipe = 'TRUNCATE "persons", "Locker", "Badge", "Letter", "Club", "memberships", "_Friends"'
  await Promise.all([sql(wipe), twinSql(wipe)])
  await Promise.all([seed(prisma), seed(twin)])
})

const everything = async (db: Db): Promise<unknown> => [
  await db.person.findMany({ orderBy: { id: 'asc' }, include: { letters: { orderBy: { id: 'asc' } }, badge: true } }),
  await db.letter.findMany({ orderBy: { id: 'asc' } }),
  await db.badge.findMany(),
  await db.membership.findMany(),
]

const ada = { personId_region_number: { personId: 'ada', region: 'north', number: 1 } }

test.each<[string, (db: Db) => Promise<unknown>]>([
  [
    'a row whose key holds the foreign key, by connect',
    (db) => db.club.update({ where: { region_number: { region: 'north', number: 2 } }, data: { memberships: { connect: ada } } }),
  ],
  [
    'a row whose key holds the foreign key, by connectOrCreate below a create',
    (db) => {
      const memberships = { connectOrCreate: { where: ada, create: { person: { connect: { id: 'cem' } } } } }
      return db.club.create({ data: { region: 'north', number: 3, title: 'third', memberships } })
    },
  ],
  [
    'a row whose key is the foreign key',
    (db) => db.badge.update({ where: { ownerId: 'ada' }, data: { owner: { connect: { id: 'cem' } } } }),
  ],
  [
    'a row whose key is the foreign key, inside a transaction',
    (db) =>
      db.$transaction((tx) =>
        tx.badge.update({ where: { ownerId: 'ada' }, data: { motto: 'new', owner: { connect: { id: 'cem' } } } }),
      ),
  ],
  [
    'rows that are set, in place of others',
    (db) => db.person.update({ where: { id: 'ada' }, data: { letters: { set: [{ id: 2 }, { id: 3 }, { id: 9 }] } } }),
  ],
  ['no rows at all', (db) => db.person.update({ where: { id: 'ada' }, data: { letters: { set: [] } } })],
  [
    'no longer some rows, and one that never was',
    (db) =>
      db.person.update({ where: { id: 'ada' }, data: { name: 'A', letters: { disconnect: [{ id: 1 }, { id: 3 }, { id: 9 }] } } }),
  ],
  [
    'a row that is not there',
    (db) => db.person.update({ where: { id: 'ada' }, data: { letters: { connect: [{ id: 1 }, { id: 9 }] } } }),
  ],
  [
    'a row that is named twice',
    (db) => db.person.update({ where: { id: 'ada' }, data: { letters: { connect: [{ id: 3 }, { id: 3 }] } } }),
  ],
  [
    'a row that is set twice',
    (db) => db.person.update({ where: { id: 'ada' }, data: { letters: { set: [{ id: 3 }, { id: 3 }] } } }),
  ],
  [
    'the row itself, by what it is about to change',
    (db) =>
      db.person.update({
        where: { id: 'bob' },
        data: { email: 'new@example.org', boss: { connect: { email: 'bob@example.org' } } },
      }),
  ],
  [
    'a row that is there, where the one to create could not be stored',
    (db) => {
      const create = { id: 'ada', email: 'ada@example.org', name: 'Ada', age: 7_000_000_000 }
      return db.letter.update({
        where: { id: 3 },
        data: { author: { connectOrCreate: { where: { email: 'ada@example.org' }, create } } },
      })
    },
  ],
  ['a row that goes with what it references', (db) => db.letter.update({ where: { id: 3 }, data: { author: { delete: true } } })],
])('attaches %s as plain Prisma does, and every row opens', async (_, call) => {
  const expected = await outcomeOf(() => call(twin))
  expect(await outcomeOf(() => call(prisma))).toBe(expected)
  expect(await everything(client())).toEqual(await everything(twin))
})
