import { inspect } from 'node:util'
import fc from 'fast-check'
import { EnvelopeError } from 'prisma-envelope'
import { expect, test } from 'vitest'
import { findsNoRow, nameOf, type Outcome, outcomeOf } from './compared.ts'
import { history, type Step } from './history.ts'
import type { Operation } from './operations.ts'
import { type Client, call, contents, openSides, type Side } from './sides.ts'
import { START } from './start.ts'
import { PLAIN_SIGNS } from './typed-columns.ts'
import { holdsNonsense, MARKER, mayFailTwice } from './values.ts'

const runs = Number(process.env['DIFFERENTIAL_RUNS'] ?? 60)
// Of the whole suite's run: the same each time, so that a failure there is the fault of a change.
const seed = Number(process.env['DIFFERENTIAL_SEED'] ?? 1)
const { plain, encrypted, cold, empty, stored } = await openSides()

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

const tally = new Map<string, number>()
function count(step: Step, outcome: Outcome): void {
  const name = 'operation' in step ? step.operation.operation : step.kind
  const key = `${name.padEnd(20)} ${outcome.error === undefined ? 'returned' : nameOf(outcome.error).split(':')[0]}`
  tally.set(key, (tally.get(key) ?? 0) + 1)
}

async function refuses(step: Step & { readonly kind: 'refused' }): Promise<void> {
  const { error } = await run(encrypted, step)
  expect(error).toBeInstanceOf(EnvelopeError)
  expect(error).toMatchObject({ code: 'UNSUPPORTED' })
}

async function behavesLikePlain(steps: readonly Step[]): Promise<void> {
  await empty()
  for (const step of steps) {
    if (step.kind === 'refused') {
      await refuses(step)
    } else {
      const expected = await run(plain, step)
      const outcome = await run(encrypted, step)
      count(step, expected)
      const bothThrew = expected.text.startsWith('threw') && outcome.text.startsWith('threw')
      const excused = bothThrew && (mayThrowEither(step) || findsNoRow(outcome.error) || isRefusedAsAWhole(expected))
      if (outcome.text !== expected.text && !excused) fail(step, expected.text, outcome.text, outcome.error)
    }
    await haveSameContents(encrypted, step)
  }
  await haveSameContents(cold(), steps)
  const text = await stored()
  for (const sign of [MARKER, ...PLAIN_SIGNS]) expect(text).not.toContain(sign)
}

async function haveSameContents(side: Side, after: Step | readonly Step[]): Promise<void> {
  const expected = await contents(plain)
  for (const [name, found] of await contents(side)) {
    const wanted = expected.get(name) ?? ''
    if (found !== wanted) fail(after, `${name}: ${wanted}`, `${name}: ${found}`)
  }
}

function fail(step: Step | readonly Step[], plainly: string, encryptedly: string, cause?: unknown): never {
  throw new Error(`\n  plain      ${plainly}\n  encrypted  ${encryptedly}\n  at ${inspect(step, { depth: null })}`, { cause })
}

test(`does what plain Prisma does, in ${runs} histories from seed ${seed}`, { timeout: 60_000 + runs * 5_000 }, async () => {
  await fc.assert(fc.asyncProperty(history, behavesLikePlain), {
    numRuns: runs,
    seed,
    interruptAfterTimeLimit: 50_000 + runs * 5_000,
    markInterruptAsFailure: true,
  })
  expect(tally.size).toBeGreaterThan(0)
  if (process.env['DIFFERENTIAL_RUNS'] !== undefined) process.stdout.write(`${report()}\n`)
})

/** How often each operation ended how, on plain Prisma: what the histories were made of. */
function report(): string {
  return [...tally]
    .map(([key, n]) => `${key}  ${n}`)
    .sort()
    .join('\n')
}
