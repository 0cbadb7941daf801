import { afterEach, expect, test } from 'vitest'
import { outcomeOf, rolledBack, written } from '../../support/written.ts'
import type { Case } from './cases.ts'
import { comparable, comparableChanges, comparableContents, type openStage, type Side } from './stage.ts'

type Stage = Awaited<ReturnType<typeof openStage>>

/** Plays cases that are answered on a stage, outside transactions and within: each does what plain Prisma does. */
export function playCases({ encrypted, single, plain, changed, restore }: Stage, cases: readonly Case[]): void {
  const titled = cases.map((given) => [`${given.line} ${given.name}`, given] as const)

  afterEach(async () => {
    if ((await changed()) !== undefined) await restore()
  })

  async function expectSameContents(): Promise<void> {
    if ((await changed()) === undefined) return
    const [left, right] = await Promise.all([comparableContents(plain.db), comparableContents(encrypted.db)])
    expect(written(right)).toBe(written(left))
  }

  test.each(titled)('%s', async (_title, given) => {
    const run = ({ db, own }: Side): Promise<string> => outcomeOf(async () => comparable(await given.call(db, own)))
    const [outcome, expected] = await Promise.all([run(encrypted), run(plain)])
    expect(outcome).toBe(expected)
    await expectSameContents()
  })

  test.each(titled)('in a transaction on the only connection: %s', async (_title, given) => {
    const run = ({ db, own }: Side): Promise<string> =>
      rolledBack(db, async (tx) => [comparable(await given.call(tx, own)), await comparableChanges(tx)])
    const [outcome, expected] = await Promise.all([run(single), run(plain)])
    expect(outcome).toBe(expected)
    expect(await changed()).toBeUndefined()
  })
}
