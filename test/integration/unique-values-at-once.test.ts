import { createIndexKey, type EnvelopeOptions } from 'prisma-envelope'
import { describe, expect, test } from 'vitest'
import { createEncryptedClient, type EncryptedClient } from '../support/encrypted-client.ts'
import { written } from '../support/written.ts'

/** Instances of an application in neighbouring states of a roll-out. */
type Neighbours = (a: string, b: string) => readonly [Partial<EnvelopeOptions>, Partial<EnvelopeOptions>]

const neighbours: Record<string, Neighbours> = {
  'plain beside dual': () => [{ mode: 'plain' }, { mode: 'dual' }],
  'dual beside strict': () => [{ mode: 'dual' }, { mode: 'strict' }],
  'one index key beside the other': (a, b) => [
    { indexKey: { current: a, others: [b] } },
    { indexKey: { current: b, others: [a] } },
  ],
  'one index key beside two': (a, b) => [{ indexKey: { current: a } }, { indexKey: { current: a, others: [b] } }],
  'plain beside dual, with two index keys': (a, b) => [
    { mode: 'plain', indexKey: { current: b, others: [a] } },
    { mode: 'dual', indexKey: { current: a, others: [b] } },
  ],
}

/** One of them knows one form alone, and so takes no locks: as without encryption, PostgreSQL ends one of two statements that insert the same keys in opposite orders. */
const IN_ONE_ORDER: ReadonlySet<string> = new Set(['dual beside strict', 'one index key beside two'])

const WRITERS = 6
const VALUES = Array.from({ length: 12 }, (_, i) => `value-${i}`)

describe.each(Object.entries(neighbours))('%s:', async (name, states) => {
  const { sql, client, keys, indexKey } = await createEncryptedClient('unique_at_once')
  const [a, b] = [indexKey.current, await createIndexKey(keys)]
  const [one, other] = states(a, b)
  const [left, right] = [client(one), client(other)]

  let created = 0
  const person = (email: string) => ({ id: `p${created++}`, email, name: email })

  /** All writers at once, half of them in either state; what became of each. */
  async function atOnce(
    call: (db: EncryptedClient, email: string) => Promise<unknown>,
    prefix: string,
  ): Promise<readonly string[][]> {
    const outcome = (db: EncryptedClient, email: string): Promise<string> =>
      call(db, email).then(written, (error: { code?: string; message: string }) => error.code ?? error.message)
    const emails = VALUES.map((value) => `${prefix}-${value}`)
    return Promise.all(
      emails.map((email) => Promise.all(Array.from({ length: WRITERS }, (__, i) => outcome(i % 2 === 0 ? left : right, email)))),
    )
  }

  async function expectOneOfEach(prefix: string): Promise<void> {
    for (const db of [left, right]) {
      const rows = await db.person.findMany({ select: { email: true } })
      const emails = rows.map(({ email }) => email).filter((email) => email.startsWith(prefix))
      expect(emails.sort()).toEqual(VALUES.map((value) => `${prefix}-${value}`).sort())
    }
  }

  test('of those who create one value exactly one does', async () => {
    const outcomes = await atOnce((db, email) => db.person.create({ data: person(email), select: { email: true } }), 'create')
    for (const [i, ofValue] of outcomes.entries()) {
      const won = `{ email: 'create-${VALUES[i]}' }`
      expect([...ofValue].sort()).toEqual([...Array<string>(WRITERS - 1).fill('P2002'), won].sort())
    }
    await expectOneOfEach('create')
  })

  test('of those who create one value inside transactions exactly one does', async () => {
    const outcomes = await atOnce(
      (db, email) =>
        db.$transaction(
          async (tx) => {
            const { id } = await tx.person.create({ data: person(email) })
            await tx.letter.create({ data: { title: 'x', authorId: id } })
            return 'won'
          },
          { maxWait: 60_000, timeout: 60_000 },
        ),
      'transaction',
    )
    for (const ofValue of outcomes)
      expect([...ofValue].sort()).toEqual([`'won'`, ...Array<string>(WRITERS - 1).fill('P2002')].sort())
    await expectOneOfEach('transaction')
  })

  test('all who upsert one value meet in one row', async () => {
    const outcomes = await atOnce(
      (db, email) =>
        db.person.upsert({
          where: { email },
          create: { ...person(email), rank: 1 },
          update: { rank: { increment: 1 } },
          select: { email: true },
        }),
      'upsert',
    )
    for (const [i, ofValue] of outcomes.entries())
      expect(ofValue).toEqual(Array(WRITERS).fill(`{ email: 'upsert-${VALUES[i]}' }`))
    await expectOneOfEach('upsert')
    const ranks = await sql(`SELECT rank FROM persons WHERE id IN (SELECT id FROM persons ORDER BY id) AND rank > 0`)
    expect(ranks).toEqual(VALUES.map(() => ({ rank: WRITERS })))
  })

  test('all who create many values and skip those that are there create each once', async () => {
    const emails = VALUES.map((value) => `many-${value}`)
    const counts = await Promise.all(
      Array.from({ length: WRITERS }, async (__, i) => {
        const data = (i % 3 === 0 && !IN_ONE_ORDER.has(name) ? emails.toReversed() : emails).map(person)
        const { count } = await (i % 2 === 0 ? left : right).person.createMany({ data, skipDuplicates: true })
        return count
      }),
    )
    expect(counts.reduce((sum, count) => sum + count)).toBe(VALUES.length)
    await expectOneOfEach('many')
  })

  test('of those who change to one value exactly one does', async () => {
    const rows = VALUES.map((value) => Array.from({ length: WRITERS }, (__, i) => person(`before-${value}-${i}`)))
    await left.person.createMany({ data: rows.flat() })
    const outcomes = await Promise.all(
      rows.map((ofValue, v) =>
        Promise.all(
          ofValue.map(({ id }, i) =>
            (i % 2 === 0 ? left : right).person.update({ where: { id }, data: { email: `update-${VALUES[v]}` } }).then(
              () => 'won',
              (error: { code?: string; message: string }) => error.code ?? error.message,
            ),
          ),
        ),
      ),
    )
    for (const ofValue of outcomes)
      expect([...ofValue].sort()).toEqual([...Array<string>(WRITERS - 1).fill('P2002'), 'won'].sort())
    await expectOneOfEach('update')
  })
})
