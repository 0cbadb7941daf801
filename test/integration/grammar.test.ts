import { inspect } from 'node:util'
import { EnvelopeError } from 'prisma-envelope'
import { afterEach, describe, expect, test } from 'vitest'
import { outcomeOf, rolledBack, written } from '../support/written.ts'
import { type Case, MARKER } from './grammar/cases.ts'
import { data } from './grammar/data.ts'
import { groups } from './grammar/groups.ts'
import { LINES } from './grammar/lines.ts'
import { nestedToMany } from './grammar/nested-to-many.ts'
import { nestedToOne } from './grammar/nested-to-one.ts'
import { operations } from './grammar/operations.ts'
import { reads } from './grammar/reads.ts'
import { comparable, comparableChanges, comparableContents, openStage, type Side } from './grammar/stage.ts'
import { where } from './grammar/where.ts'

const CASES: readonly Case[] = [...where, ...operations, ...reads, ...groups, ...data, ...nestedToMany, ...nestedToOne]

const { encrypted, single, plain, sentBy, changed, restore } = await openStage()

afterEach(async () => {
  if ((await changed()) !== undefined) await restore()
})

const titled = (cases: readonly Case[]): readonly (readonly [string, Case])[] =>
  cases.map((given) => [`${given.line} [${given.letter}] ${given.name}`, given])
const answered = CASES.filter(({ letter }) => letter !== 'R')
const refused = CASES.filter(({ letter }) => letter === 'R')

test('every line of the grammar has cases, and every case is of a line', () => {
  expect([...new Set(CASES.map(({ line }) => line))].sort()).toEqual(Object.keys(LINES).sort())
  const titles = titled(CASES).map(([title]) => title)
  expect(titles.filter((title, i) => titles.indexOf(title) !== i)).toEqual([])
})

function expectNothingToShow(text: string): void {
  expect(text).not.toContain(MARKER)
  expect(text).not.toContain('77341')
}

/** Both databases hold the same, as far as their clients can tell, and the encrypted one nothing that must not be seen. */
async function expectSameContents(): Promise<void> {
  const now = await changed()
  if (now === undefined) return
  expectNothingToShow(now[0] ?? '')
  const [left, right] = await Promise.all([comparableContents(plain.db), comparableContents(encrypted.db)])
  expect(written(right)).toBe(written(left))
}

async function expectRefusal(given: Case, call: () => Promise<unknown>): Promise<void> {
  const error: unknown = await call().then(
    () => expect.fail('it returned'),
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(EnvelopeError)
  expect(error).toMatchObject(given.letter === 'R' ? given.error : {})
  expectNothingToShow(inspect(error, { depth: null, showHidden: true }))
}

describe('outside transactions, does what plain Prisma does:', () => {
  const run = ({ db, own }: Side, given: Case): Promise<string> => outcomeOf(async () => comparable(await given.call(db, own)))

  test.each(titled(answered))('%s', async (_, given) => {
    let outcome = ''
    const encryptedly = sentBy(async () => {
      outcome = await run(encrypted, given)
    })
    const [sent, expected] = await Promise.all([encryptedly, run(plain, given)])
    expect(outcome).toBe(expected)
    // What Prisma can't read shows nothing.
    expect(expected).not.toContain('PrismaClientValidationError')
    expectNothingToShow(sent)
    await expectSameContents()
  })

  test.each(titled(refused))('%s', async (_, given) => {
    const sent = await sentBy(() => expectRefusal(given, () => given.call(encrypted.db, encrypted.own)))
    expect(sent).toBe('[]')
    expect(await changed()).toBeUndefined()
  })
})

describe('in an interactive transaction on the only connection, does the same and leaves nothing when it rolls back:', () => {
  const run = ({ db, own }: Side, given: Case): Promise<string> =>
    rolledBack(db, async (tx) => [comparable(await given.call(tx, own)), await comparableChanges(tx)])

  test.each(titled(answered))('%s', async (_, given) => {
    const [outcome, expected] = await Promise.all([run(single, given), run(plain, given)])
    expect(outcome).toBe(expected)
    expect(await changed()).toBeUndefined()
  })

  test.each(titled(refused))('%s', async (_, given) => {
    await single.db.$transaction(async (tx) => {
      await expectRefusal(given, () => given.call(tx as Side['db'], single.own))
      expect(await tx.plain.count()).toBe(1)
    })
    expect(await changed()).toBeUndefined()
  })
})

describe('in a batch on the only connection, does the same, and all or nothing:', () => {
  const isPending = (promise: Promise<unknown>): boolean => Reflect.get(promise, Symbol.toStringTag) === 'PrismaPromise'
  const pending = answered.filter(({ call }) => isPending(call(plain.db, plain.own)))
  const batch = ({ db }: Side, promises: readonly Promise<unknown>[]): Promise<unknown> =>
    db.$transaction(promises as ReturnType<typeof db.plain.count>[])
  const failing = ({ db }: Side): Promise<unknown> => db.$queryRaw`SELECT 1 / 0`

  test.each(titled(pending).map(([title, given], i) => [title, given, pending[(i + 1) % pending.length] ?? given] as const))(
    '%s',
    async (_, given, next) => {
      const run = (side: Side): Promise<string> =>
        outcomeOf(async () =>
          comparable(
            await batch(
              side,
              [given, next].map(({ call }) => call(side.db, side.own)),
            ),
          ),
        )
      const [outcome, expected] = await Promise.all([run(single), run(plain)])
      expect(outcome).toBe(expected)
      const after = await changed()
      await expectSameContents()
      if (after === undefined) return
      await restore()
      await expect(batch(single, [given.call(single.db, single.own), failing(single)])).rejects.toThrow()
      expect(await changed()).toBeUndefined()
    },
  )

  test.each(titled(refused))('%s', async (_, given) => {
    const { db, own } = single
    await expectRefusal(given, () =>
      batch(single, [db.plain.update({ where: { id: 1 }, data: { name: 'x' } }), given.call(db, own)]),
    )
    expect(await changed()).toBeUndefined()
  })
})
