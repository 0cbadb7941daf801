import { expect, test } from 'vitest'
import { createTwins } from '../support/twins.ts'
import { outcomeOf } from '../support/written.ts'

const { prisma, twin } = await createTwins('empty_or')
const clients = [twin, prisma]

for (const db of clients) {
  const letters = { create: { id: 1, title: 'a letter', body: { pages: 2 } } }
  const club = { create: { region: 'north', number: 1, title: 'Chess' } }
  const memberships = { create: { role: 'chair', club } }
  await db.person.create({ data: { id: 'ada', email: 'ada@example.org', name: 'Ada', letters, memberships } })
}

type Db = typeof prisma

/** Prisma takes an `OR` in which nothing is said for false; below `AND` it takes it for true. */
const EMPTY: Readonly<Record<string, { OR: object[] }>> = {
  'an empty OR': { OR: [] },
  'an OR of an empty condition': { OR: [{}] },
  'an OR of an empty OR': { OR: [{ OR: [] }] },
  'an OR of empty conditions of every kind': { OR: [{ AND: [{ NOT: {} }] }, { OR: [{ AND: [] }] }, {}] },
}

type Nobody = (typeof EMPTY)[string]

const operationsBy = (nobody: Nobody): readonly [string, (db: Db) => Promise<unknown>][] => [
  ['an updateMany', (db) => db.person.updateMany({ where: nobody, data: { name: 'Eve' } })],
  ['an updateMany with a limit', (db) => db.person.updateMany({ where: nobody, data: { name: 'Eve' }, limit: 1 })],
  ['an updateMany of a bound column', (db) => db.letter.updateMany({ where: nobody, data: { authorId: 'ada', title: 'new' } })],
  ['an updateManyAndReturn', (db) => db.letter.updateManyAndReturn({ where: nobody, data: { title: 'new' } })],
  ['an updateMany of a compound key', (db) => db.membership.updateMany({ where: nobody, data: { role: 'guest' } })],
  [
    'a nested updateMany',
    (db) => {
      const data = { letters: { updateMany: { where: nobody, data: { body: { pages: 3 } } } } }
      return db.person.update({ where: { id: 'ada' }, data, include: { letters: true } })
    },
  ],
  [
    'a nested update',
    (db) => {
      const data = { letters: { update: { where: { id: 1, ...nobody }, data: { title: 'new' } } } }
      return db.person.update({ where: { id: 'ada' }, data, include: { letters: true } })
    },
  ],
  ['an update', (db) => db.person.update({ where: { id: 'ada', ...nobody }, data: { name: 'Eve' } })],
  [
    'an update with nested writes',
    (db) =>
      db.person.update({
        where: { id: 'ada', ...nobody },
        data: { name: 'Eve', letters: { update: { where: { id: 1 }, data: { title: 'new' } } } },
      }),
  ],
  ['a groupBy', (db) => db.person.groupBy({ by: ['email'], where: nobody, _count: true })],
]

const cases = Object.entries(EMPTY).flatMap(([name, nobody]) =>
  operationsBy(nobody).map(([what, operation]) => [`${what} by ${name}`, operation] as const),
)

test.each([
  ...cases,
  [
    'an updateMany by an OR of filters that say nothing',
    (db: Db) => {
      const where = {
        OR: [{ rank: {} }, { rank: { gt: undefined } }, { boss: {} }, { friends: { some: undefined } }, { rank: { not: {} } }],
      }
      return db.person.updateMany({ where, data: { name: 'Eve' } })
    },
  ],
] as const)('%s finds nothing, as in Prisma', async (_, operation) => {
  const expected = await outcomeOf(() => operation(twin))
  expect(await outcomeOf(() => operation(prisma))).toBe(expected)
  const all = (db: Db) => db.person.findMany({ include: { letters: true, memberships: true } })
  expect(await all(prisma)).toEqual(await all(twin))
})
