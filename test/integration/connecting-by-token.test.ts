import { expect, test } from 'vitest'
import { createWatchedClient } from '../support/query-log.ts'
import { createTwins } from '../support/twins.ts'
import { outcomeOf } from '../support/written.ts'

const twins = await createTwins('connecting_by_token')
const { prisma, twin } = twins
const ada = { id: 'ada', email: 'ada@example.org', name: 'Ada' }
for (const db of [prisma, twin]) await db.person.create({ data: ada })

type Db = typeof prisma
const letter = (db: Db, author: object) => db.letter.create({ data: { title: 'a letter', author }, select: { authorId: true } })

/** A row that is bound to its author, whom a token finds. */
const operations: readonly [string, (db: Db) => Promise<unknown>][] = [
  ['connect', (db) => letter(db, { connect: { email: ada.email } })],
  ['connect of nobody', (db) => letter(db, { connect: { email: 'nobody@example.org' } })],
  ['connectOrCreate', (db) => letter(db, { connectOrCreate: { where: { email: ada.email }, create: ada } })],
  [
    'connectOrCreate of nobody',
    (db) => {
      const create = { id: 'bob', email: 'bob@example.org', name: 'Bob' }
      return letter(db, { connectOrCreate: { where: { email: create.email }, create } })
    },
  ],
]

test.each(operations)('%s by a token finds whom plain Prisma finds, and sends no plaintext', async (_, operation) => {
  const expected = await outcomeOf(() => operation(twin))
  const watched = createWatchedClient(twins)
  let outcome = ''
  const queries = await watched.queriesOf(async () => {
    outcome = await outcomeOf(() => operation(watched.prisma))
  })
  expect(outcome).toBe(expected)
  expect(queries.map(({ params }) => params).join('\n')).not.toContain('@example.org')
})
