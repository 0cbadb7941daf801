import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createBareClient, createEncryptedClient, type EncryptedClient, extend } from '../support/encrypted-client.ts'
import { contentsOf, failureOf } from '../support/refused.ts'
import { m } from './grammar/cases.ts'

const { database, prisma, client, keys, indexKey, sql, kms } = await createEncryptedClient('transaction_limits')
const single = extend(createBareClient(database, 1), { keys, indexKey })

let count = 0

/** A person with a letter, outside any transaction. */
async function seeded(): Promise<string> {
  count += 1
  const id = `person ${count}`
  await prisma.person.create({ data: { id, email: m(id), name: m('before'), letters: { create: [{ title: m('before') }] } } })
  return id
}

/** Operations that take several statements. */
const inSteps: Readonly<Record<string, (db: EncryptedClient, id: string) => Promise<unknown>>> = {
  'a nested update': (db, id) =>
    db.person.update({
      where: { id },
      data: { name: m('new'), letters: { updateMany: { where: {}, data: { title: m('new') } }, create: { title: m('more') } } },
    }),
  'an upsert': (db, id) =>
    db.person.upsert({
      where: { email: m(id) },
      create: { id: 'x', email: m('x'), name: m('x') },
      update: { name: m('new'), letters: { create: { title: m('more') } } },
    }),
  'an updateMany': (db, id) => db.letter.updateMany({ where: { authorId: id }, data: { title: m('new') } }),
  'an update of a bound column': (db, id) => db.person.update({ where: { id }, data: { letters: { set: [] }, age: 7734191 } }),
}

describe('a timeout', () => {
  test.each(Object.entries(inSteps))('that ends a transaction within %s is P2028 and leaves nothing', async (_, operation) => {
    const id = await seeded()
    // Its keys are not at hand: it waits for the KMS for longer than its transaction may last.
    const cold = client()
    const end = kms.faults.inject({ latencyMs: 400 })
    const error = await failureOf(sql, () => cold.$transaction((tx) => operation(tx as EncryptedClient, id), { timeout: 150 }))
    end()
    expect(error).toMatchObject({ name: 'PrismaClientKnownRequestError', code: 'P2028' })
    await operation(cold, id)
    expect(await cold.person.findUnique({ where: { id }, include: { letters: true } })).toMatchObject({ id })
  })

  test.each(Object.entries(inSteps))(
    'that ends a transaction between two of its operations takes %s with it',
    async (_, operation) => {
      const id = await seeded()
      const error = await failureOf(sql, () =>
        prisma.$transaction(
          async (tx) => {
            await operation(tx as EncryptedClient, id)
            await sleep(700)
            await operation(tx as EncryptedClient, id)
          },
          { timeout: 500 },
        ),
      )
      expect(error).toMatchObject({ code: 'P2028' })
    },
  )
})

describe('on the only connection, while another transaction holds it,', () => {
  /** What becomes of `work` that is begun while a transaction is open on the only connection, which ends a while later. */
  async function whileTaken(work: () => Promise<unknown>): Promise<PromiseSettledResult<unknown>> {
    let release = (): void => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    let opened = (): void => {}
    const isOpen = new Promise<void>((resolve) => {
      opened = resolve
    })
    const holder = single.$transaction(
      async (tx) => {
        await tx.plain.count()
        opened()
        await released
      },
      { timeout: 30_000 },
    )
    await isOpen
    const settled = Promise.allSettled([work()])
    await sleep(300)
    release()
    await holder
    const [result] = await settled
    return result
  }

  // Prisma 6 finds out only once it has the connection.
  test('maxWait is honoured: the transaction is P2028, and its callback never runs', async () => {
    let ran = false
    const outcome = await whileTaken(() =>
      single.$transaction(
        async (tx) => {
          ran = true
          await tx.person.create({ data: { id: 'never', email: m('never'), name: m('never') } })
        },
        { maxWait: 100 },
      ),
    )
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'P2028' } })
    expect(ran).toBe(false)
  })

  test('maxWait is honoured for an array, too, whose operations take several queries', async () => {
    const id = await seeded()
    const before = await contentsOf(sql)
    const operations = [single.person.update({ where: { id }, data: { name: m('lost') } }), single.person.count()]
    const outcome = await whileTaken(() => single.$transaction(operations, { maxWait: 100 } as object))
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'P2028' } })
    expect(await contentsOf(sql)).toEqual(before)
  })

  test.each(Object.entries(inSteps))('%s waits for its turn, however long that takes', async (_, operation) => {
    const id = await seeded()
    expect(await whileTaken(() => operation(single, id))).toMatchObject({ status: 'fulfilled' })
    const person = await prisma.person.findUnique({ where: { id }, include: { letters: true } })
    expect(JSON.stringify(person)).toMatch(/new|more|7734191/)
    const ended = await sql(`SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'`)
    expect(ended).toEqual([])
  })
})

describe('isolation levels', () => {
  const levels = ['ReadUncommitted', 'ReadCommitted', 'RepeatableRead', 'Serializable'] as const
  test.each(levels.flatMap((level) => Object.entries(inSteps).map(([title, operation]) => [level, title, operation] as const)))(
    '%s holds for all statements of %s',
    async (isolationLevel, _, operation) => {
      const id = await seeded()
      await single.$transaction((tx) => operation(tx as EncryptedClient, id), { isolationLevel })
      const person = await prisma.person.findUnique({ where: { id }, include: { letters: true } })
      expect(JSON.stringify(person)).toMatch(/new|more|7734191/)
    },
  )

  test.each(['RepeatableRead', 'Serializable'] as const)(
    '%s: a row that another writer has changed meanwhile is P2034, and leaves nothing',
    async (isolationLevel) => {
      for (const operation of Object.values(inSteps)) {
        const id = await seeded()
        let before: unknown
        const transaction = single.$transaction(
          async (tx) => {
            await tx.person.findUnique({ where: { id }, include: { letters: true } })
            await prisma.person.update({ where: { id }, data: { name: m('rival'), rank: 9 } })
            await prisma.letter.updateMany({ where: { authorId: id }, data: { title: m('rival') } })
            before = await contentsOf(sql)
            await operation(tx as EncryptedClient, id)
          },
          { isolationLevel, timeout: 30_000 },
        )
        await expect(transaction).rejects.toMatchObject({ code: 'P2034' })
        expect(await contentsOf(sql)).toEqual(before)
      }
    },
  )
})
