import { describe, expect, test } from 'vitest'
import { createBareClient, createEncryptedClient, type EncryptedClient, extend } from '../../support/encrypted-client.ts'

const { database, keys, indexKey, client, sql } = await createEncryptedClient('racing_upserts')
const WRITERS = 8
const ROUNDS = 2

type Db = Pick<EncryptedClient, 'person' | 'letter'>

const upsert = (db: Db, email: string, writer: number) =>
  db.person.upsert({
    where: { email },
    create: { id: `${email} ${writer}`, email, name: `of ${writer}` },
    update: { name: `of ${writer}`, rank: { increment: 1 } },
  })

const connectOrCreate = (db: Db, email: string, writer: number) =>
  db.letter.create({
    data: {
      title: `of ${writer}`,
      author: { connectOrCreate: { where: { email }, create: { id: `${email} ${writer}`, email, name: `of ${writer}` } } },
    },
  })

/** As applications do, on the errors that Prisma documents for it. */
async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      const { code } = error as { code?: string }
      if (code !== 'P2002' && code !== 'P2034') throw error
    }
  }
}

const transactionOptions = { maxWait: 60_000, timeout: 60_000 }
const inTransaction =
  (isolationLevel: 'ReadCommitted' | 'RepeatableRead' | 'Serializable') =>
  (db: EncryptedClient, work: (tx: Db) => Promise<unknown>): Promise<unknown> =>
    retried(() => db.$transaction((tx) => work(tx as unknown as Db), { ...transactionOptions, isolationLevel }))

const ways: Record<string, (db: EncryptedClient, work: (tx: Db) => Promise<unknown>) => Promise<unknown>> = {
  'outside transactions': (db, work) => work(db),
  'in interactive transactions at ReadCommitted': inTransaction('ReadCommitted'),
  'in interactive transactions at RepeatableRead': inTransaction('RepeatableRead'),
  'in interactive transactions at Serializable': inTransaction('Serializable'),
}

describe.each(Object.entries(ways))('%s', (way, inItsWay) => {
  test.each(Array.from({ length: ROUNDS }, (_, round) => round))(
    'racing upserts of a new email make one row: %i',
    async (round) => {
      const racing = extend(createBareClient(database, WRITERS), { keys, indexKey })
      const email = `${way} ${round}`
      const work = (writer: number) => inItsWay(racing, (db) => upsert(db, email, writer))
      const answers = (await Promise.all(Array.from({ length: WRITERS }, (_, writer) => work(writer)))) as {
        id: string
        rank: number
      }[]
      const rows = await client().person.findMany({ where: { id: { startsWith: email } } })
      expect(rows).toEqual([expect.objectContaining({ email, name: expect.stringMatching(/^of \d+$/), rank: WRITERS - 1 })])
      expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
      expect(answers.map(({ rank }) => rank).sort((a, b) => a - b)).toEqual(Array.from({ length: WRITERS }, (_, n) => n))
    },
  )

  test('racing connectOrCreate of a new email makes one row, and every letter is connected to it', async () => {
    const racing = extend(createBareClient(database, WRITERS), { keys, indexKey })
    const email = `author ${way}`
    const work = (writer: number) => retried(() => inItsWay(racing, (db) => connectOrCreate(db, email, writer)))
    await Promise.all(Array.from({ length: WRITERS }, (_, writer) => work(writer)))
    const authors = await client().person.findMany({ where: { email }, include: { letters: true } })
    expect(authors.map(({ letters }) => letters.length)).toEqual([WRITERS])
  })
})

test('no transaction is left open', async () => {
  const open = () => sql(`SELECT state FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'`)
  await expect.poll(open).toEqual([])
})
