import { inspect } from 'node:util'
import fc from 'fast-check'
import { EnvelopeError } from 'prisma-envelope'
import { expect, test } from 'vitest'
import { asText, findsNoRow, nameOf, type Outcome, outcomeOf } from './compared.ts'
import { history, type Step } from './history.ts'
import { type Client, call, contents, openSides } from './sides.ts'
import { holdsNonsense, MARKER, mayMissSeveral } from './values.ts'

const runs = Number(process.env['DIFFERENTIAL_RUNS'] ?? 60)
const seed = Number(process.env['DIFFERENTIAL_SEED'] ?? Date.now() % 2 ** 31)
const { plain, encrypted, cold, empty, stored } = await openSides()

const rollBack = new Error('rolled back')

function run(client: Client, step: Step): Promise<Outcome> {
  switch (step.kind) {
    case 'operation':
    case 'refused':
      return outcomeOf(() => call(client, step.operation))
    case 'batch':
      return outcomeOf(() => client.$transaction(step.operations.map((operation) => call(client, operation))))
    case 'interactive': {
      const options = step.isolationLevel === undefined ? {} : { isolationLevel: step.isolationLevel }
      return outcomeOf(() =>
        client.$transaction(async (tx: Client) => {
          const results: unknown[] = []
          for (const operation of step.operations) results.push(await call(tx, operation))
          if (step.rollBack) throw rollBack
          return results
        }, options),
      )
    }
  }
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
      const excused = bothThrew && (holdsNonsense(step) || findsNoRow(outcome.error) || mayMissSeveral(step))
      if (outcome.text !== expected.text && !excused) fail(step, expected.text, outcome.text, outcome.error)
    }
    const [before, after] = [asText(await contents(plain)), asText(await contents(encrypted))]
    if (before !== after) fail(step, before, after)
  }
  const [left, right] = [asText(await contents(plain)), asText(await contents(cold()))]
  expect(right).toBe(left)
  const text = await stored()
  expect(text).not.toContain(MARKER)
  expect(text).not.toContain('773419')
}

function fail(step: Step, plainly: string, encryptedly: string, cause?: unknown): never {
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
