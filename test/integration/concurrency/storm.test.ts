import { EnvelopeError } from 'prisma-envelope'
import { describe, expect, test } from 'vitest'
import { acknowledgedOperations, expectServes, expectSound, report } from './expectations.ts'
import { rounds, seed, writers } from './options.ts'
import { encryptedSide, plainSide } from './sides.ts'
import { storm } from './storm.ts'
import { type Mix, unitsOf, withoutDeletions } from './units.ts'

const POOL = 20
const weather = { writers, readers: 3 }
const timeout = 60_000 + writers * rounds * 500

async function inBoth(mix: Mix) {
  const units = unitsOf(mix, seed, writers * rounds)
  const plain = await plainSide(POOL)
  const reference = await storm(plain.client, units, weather)
  const encrypted = await encryptedSide(POOL)
  const outcome = await storm(encrypted.client, units, weather)
  const history = await encrypted.history()
  await expectServes(plain, POOL)
  await expectServes(encrypted, POOL)
  const deadlocks = { plain: await plain.close(), encrypted: await encrypted.close() }
  report(mix, { units: units.length, deadlocks, plain: reference.tally, encrypted: outcome.tally })
  return { outcome, history, deadlocks }
}

describe(`${writers} writers of a few rows, with seed ${seed}`, () => {
  test('lose nothing, tear no row and leak no connection, whatever they do', { timeout }, async () => {
    const { outcome, history, deadlocks } = await inBoth('everything')
    expectSound(outcome, history)
    // Neither of them avoids every deadlock, where rows are locked in whatever order.
    expect(deadlocks.encrypted).toBeLessThanOrEqual(50 + 5 * deadlocks.plain)
    const { tally } = outcome
    expect(tally).toMatchObject({ failedReads: 0 })
    for (const count of [tally.rolledBack, tally.read, tally.refused.size, tally.conflicts.size]) expect(count).toBeGreaterThan(0)
    expect(acknowledgedOperations(outcome).size).toBeGreaterThan(15)
  })

  test('lose nothing and never meet in a deadlock, where plain Prisma has none', { timeout }, async () => {
    const { outcome, history, deadlocks } = await inBoth('in one order')
    expectSound(outcome, history)
    expect(deadlocks).toEqual({ plain: 0, encrypted: 0 })
    expect(outcome.tally.conflicts.size).toBeGreaterThan(0)
    expect(acknowledgedOperations(outcome).size).toBeGreaterThan(9)
  })
})

test(`${writers} writers with a pool of one connection all come to an end, and lose nothing`, { timeout }, async () => {
  const { client, history, ...side } = await encryptedSide(1)
  const outcome = await storm(client, unitsOf('everything', seed, writers * 2), { writers, readers: 1 })
  expectSound(outcome, await history())
  await expectServes({ client, history, ...side }, 1)
  expect(acknowledgedOperations(outcome).size).toBeGreaterThan(10)
})

test(`${writers} writers lose nothing and tear no row while every other call of the KMS fails`, { timeout }, async () => {
  const { client, history, kms, ...side } = await encryptedSide(POOL, {
    wrap: 'direct',
    cache: { maxEntries: 1 },
    // Retries would hide the failures.
    kms: { maxAttempts: 1, breaker: { failures: Infinity } },
  })
  const mayFail = (error: unknown) => error instanceof EnvelopeError && error.code === 'UNAVAILABLE'
  kms.server.faults.inject({ status5xx: 503, probability: 0.5 })
  const units = withoutDeletions(unitsOf('everything', seed, writers * rounds))
  const outcome = await storm(client, units, { writers, readers: 1, mayFail })
  kms.server.faults.clear()
  expectSound(outcome, await history())
  await expectServes({ client, history, ...side }, POOL)
  expect(outcome.tally.refused.get('UNAVAILABLE')).toBeGreaterThan(0)
  report('while the KMS fails', outcome.tally)
})
