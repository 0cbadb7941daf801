import { expect, test } from 'vitest'
import { Prisma } from '../support/client.ts'
import { createBareClient, createEncryptedClient, type EncryptedClient, extend } from '../support/encrypted-client.ts'

const { database, prisma, keys, indexKey } = await createEncryptedClient('grouping')
const rival = extend(createBareClient(database), { keys, indexKey })

let count = 0

/** Two rows of each model, each with a group of its own. */
async function seeded() {
  count += 1
  const [one, two] = [`one${count}@example.org`, `two${count}@example.org`]
  const first = await prisma.contact.create({ data: { email: one, familyName: 'f', street: 's' } })
  const second = await prisma.contact.create({ data: { email: two, familyName: 'f', street: 's' } })
  const club = { region: one, number: 1 }
  await prisma.club.createMany({
    data: [
      { ...club, title: one },
      { ...club, number: 2, title: two },
    ],
  })
  return { first: { id: first.id }, both: { in: [first.id, second.id] }, club, two }
}

type Seed = Awaited<ReturnType<typeof seeded>>

interface Kind {
  group(db: EncryptedClient, seed: Seed): Promise<unknown>
  change(db: EncryptedClient, seed: Seed): Promise<unknown>
}

/** The row that gives a group's value is found by its key, or else by `distinct`. */
const kinds: readonly [string, Kind][] = [
  [
    'a key of one column',
    {
      group: (db, { both }) => db.contact.groupBy({ by: ['email'], where: { id: both }, _count: true }),
      change: (db, { first, two }) =>
        db.contact.update({ where: first, data: { email: two, backupEmail: null, familyName: 'g', street: 't' } }),
    },
  ],
  [
    'a key of several columns',
    {
      group: (db, { club: { region } }) => db.club.groupBy({ by: ['region', 'title'], where: { region }, _count: true }),
      change: (db, { club }) => db.club.update({ where: { region_number: club }, data: { title: 'renamed' } }),
    },
  ],
]

/** Lets another writer change a row as soon as its groups are known, once. */
function raced(change: () => Promise<unknown>): EncryptedClient {
  let done = false
  const interfering = Prisma.defineExtension({
    query: {
      $allModels: {
        async groupBy({ args, query }) {
          const groups: unknown = await query(args)
          if (!done) {
            done = true
            await change()
          }
          return groups as Awaited<ReturnType<typeof query>>
        },
      },
    },
  })
  return prisma.$extends(interfering) as unknown as EncryptedClient
}

test.each(kinds)('groups of a model with %s and their values are of one moment', async (_, { group, change }) => {
  const seed = await seeded()
  const before = await group(prisma, seed)
  const during = await group(
    raced(() => change(rival, seed)),
    seed,
  )
  expect(sorted(during)).toEqual(sorted(await group(prisma, seed)))
  expect(sorted(during)).not.toEqual(sorted(before))
})

test.each(kinds)('groups of a model with %s are of one moment inside a transaction', async (_, { group, change }) => {
  const seed = await seeded()
  const client = raced(() => change(rival, seed))
  const during = await client.$transaction((tx) => group(tx as EncryptedClient, seed))
  expect(sorted(during)).toEqual(sorted(await group(prisma, seed)))
})

test.each(kinds)('groups of a model with %s stand in a batch as of their place in it', async (_, { group, change }) => {
  const seed = await seeded()
  const before = await group(prisma, seed)
  const inBatch = (call: Promise<unknown>) => call as ReturnType<typeof prisma.contact.count>
  const [first, , last] = await prisma.$transaction([
    inBatch(group(prisma, seed)),
    inBatch(change(prisma, seed)),
    inBatch(group(prisma, seed)),
  ])
  expect(sorted(first)).toEqual(sorted(before))
  expect(sorted(last)).toEqual(sorted(await group(prisma, seed)))
  expect(sorted(last)).not.toEqual(sorted(first))
})

function sorted(groups: unknown): readonly string[] {
  return (groups as readonly unknown[]).map((group) => JSON.stringify(group)).sort()
}
