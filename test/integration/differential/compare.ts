import { inspect } from 'node:util'
import fc from 'fast-check'
import { EnvelopeError } from 'prisma-envelope'
import { expect } from 'vitest'
import { findsNoRow, nameOf, type Outcome, outcomeOf } from './compared.ts'
import { history, type Step } from './history.ts'
import type { Operation } from './operations.ts'
import { type Client, call, contents, openSides, type Setting, type Side } from './sides.ts'
import { START } from './start.ts'
import { PLAIN_SIGNS } from './typed-columns.ts'
import { withoutDistinction } from './undistinguished.ts'
import { holdsNonsense, MARKER, mayFailTwice } from './values.ts'

/** How many histories to compare, and from which seed. */
export const runs: number = Number(process.env['DIFFERENTIAL_RUNS'] ?? 60)
// Of the whole suite's run: the same each time, so that a failure there is the fault of a change.
export const seed: number = Number(process.env['DIFFERENTIAL_SEED'] ?? 1)

/** Milliseconds that a comparison may take. */
export const patience: number = 60_000 + runs * 5_000

const rollBack = new Error('rolled back')

function run({ client, nulls }: Side, step: Step): Promise<Outcome> {
  switch (step.kind) {
    case 'start':
      return outcomeOf(async () => {
        for (const operation of START) await call(client, nulls, operation)
      })
    case 'operation':
    case 'refused':
      return outcomeOf(() => call(client, nulls, step.operation))
    case 'batch':
      return outcomeOf(() => client.$transaction(step.operations.map((operation) => call(client, nulls, operation))))
    case 'interactive': {
      const options = step.isolationLevel === undefined ? {} : { isolationLevel: step.isolationLevel }
      return outcomeOf(() =>
        client.$transaction(async (tx: Client) => {
          const results: unknown[] = []
          for (const operation of step.operations) results.push(await call(tx, nulls, operation))
          if (step.rollBack) throw rollBack
          return results
        }, options),
      )
    }
  }
}

function operationsOf(step: Step): readonly Operation[] {
  if (step.kind === 'start') return START
  return 'operation' in step ? [step.operation] : step.operations
}

/** Whether several things are wrong with one operation. */
function mayThrowEither(step: Step): boolean {
  return holdsNonsense(step) || operationsOf(step).some(mayFailTwice)
}

/** Prisma validates all of an operation, and of an array, before it runs any of it. */
function isRefusedAsAWhole({ text }: Outcome): boolean {
  return text === 'threw PrismaClientValidationError'
}

type Tally = Map<string, number>

function count(tally: Tally, step: Step, outcome: Outcome): void {
  const name = 'operation' in step ? step.operation.operation : step.kind
  const key = `${name.padEnd(20)} ${outcome.error === undefined ? 'returned' : nameOf(outcome.error).split(':')[0]}`
  tally.set(key, (tally.get(key) ?? 0) + 1)
}

async function refuses(side: Side, step: Step & { readonly kind: 'refused' }): Promise<void> {
  const { error } = await run(side, step)
  expect(error).toBeInstanceOf(EnvelopeError)
  expect(error).toMatchObject({ code: 'UNSUPPORTED' })
}

/** Runs random histories on plain Prisma and on encrypted clients of a setting: each step, and all rows after it, must be the same. */
export async function compareWithPlain(setting: Setting): Promise<void> {
  const sides = await openSides(setting)
  const tally: Tally = new Map()
  await fc.assert(fc.asyncProperty(history, behavesLikePlain), {
    numRuns: runs,
    seed,
    interruptAfterTimeLimit: patience - 10_000,
    markInterruptAsFailure: true,
  })
  expect(tally.size).toBeGreaterThan(0)
  if (process.env['DIFFERENTIAL_RUNS'] !== undefined) process.stdout.write(`${report(tally)}\n`)

  async function behavesLikePlain(given: readonly Step[]): Promise<void> {
    const steps = setting.forms ? withoutDistinction(given) : given
    await sides.empty()
    for (const [i, step] of steps.entries()) {
      const side = step.kind === 'start' ? sides.starter : sides.encrypted(i)
      if (step.kind === 'refused') await refuses(side, step)
      else await doTheSame(side, step)
      await haveSameContents(side, step)
    }
    for (const side of sides.cold()) await haveSameContents(side, steps)
    if (!setting.hides) return
    const text = await sides.stored()
    for (const sign of [MARKER, ...PLAIN_SIGNS]) expect(text).not.toContain(sign)
  }

  async function doTheSame(side: Side, step: Exclude<Step, { kind: 'refused' }>): Promise<void> {
    const expected = await run(sides.plain, step)
    const outcome = await run(side, step)
    count(tally, step, expected)
    const bothThrew = expected.text.startsWith('threw') && outcome.text.startsWith('threw')
    const excused = bothThrew && (mayThrowEither(step) || findsNoRow(outcome.error) || isRefusedAsAWhole(expected))
    if (outcome.text !== expected.text && !excused) fail(step, expected.text, outcome.text, outcome.error)
  }

  async function haveSameContents(side: Side, after: Step | readonly Step[]): Promise<void> {
    const expected = await contents(sides.plain)
    for (const [name, found] of await contents(side)) {
      const wanted = expected.get(name) ?? ''
      if (found !== wanted) fail(after, `${name}: ${wanted}`, `${name}: ${found}`)
    }
  }
}

function fail(step: Step | readonly Step[], plainly: string, encryptedly: string, cause?: unknown): never {
  throw new Error(`\n  plain      ${plainly}\n  encrypted  ${encryptedly}\n  at ${inspect(step, { depth: null })}`, { cause })
}

/** How often each operation ended how, on plain Prisma: what the histories were made of. */
function report(tally: Tally): string {
  return [...tally]
    .map(([key, n]) => `${key}  ${n}`)
    .sort()
    .join('\n')
}
