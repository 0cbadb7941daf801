import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { createIndexKey } from 'prisma-envelope'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CliSetup, runCli } from '../../support/cli.ts'
import { createDatabase } from '../../support/database.ts'
import { createBareClient } from '../../support/encrypted-client.ts'
import { startKms } from '../../support/kms.ts'
import { waitUntil } from '../../support/wait-until.ts'
import { readContents } from './contents.ts'
import { type Fleet, type Formation, launch } from './fleet.ts'
import { followFrontier } from './frontier.ts'
import { type Assault, assault, type Toll } from './kills.ts'
import { MODELS } from './ledger.ts'
import { OPERATIONS } from './operations.ts'
import { kills, rows, seed, talkative, writers } from './options.ts'
import { populate } from './population.ts'
import { createRandom } from './random.ts'
import { slowDown } from './slow-motion.ts'
import { type KeyStoreStance, openClient, type Stance } from './stance.ts'
import { type Conditions, countWhere, inEach, noteSealed, PLAINTEXT } from './tables.ts'
import { problemsOf } from './verdict.ts'

const ASSAULTS = 7
const [database, kms] = await Promise.all([createDatabase('crash'), startKms()])
const bare = createBareClient(database)
const { url, region, credentials } = kms.server
const place = { databaseUrl: database.url, kms: { url, region, credentials } }
const random = createRandom(seed)
const tolls: Toll[] = []
const acknowledged = new Set<string>()
let fleet: Fleet | undefined
let keys: CliSetup['keys'] = { pii: kms.arn }
let indexKeys: CliSetup['indexKeys'] = [kms.indexKey.current]
let keyStore: KeyStoreStance = 'unknown'

beforeAll(async () => {
  const population = await populate(bare, rows, writers + 2, random)
  await slowDown(database)
  fleet = await launch(place, population, writers, seed, random)
}, 120_000)
afterAll(() => fleet?.close())

const setup = (): CliSetup => ({ databaseUrl: database.url, kms: kms.server, keys, indexKeys, keyStore: keyStore !== 'unknown' })
const stance = (as: Stance['as'], sealed = true): Stance => ({ as, keys, indexKeys, keyStore, sealed })
const all = (as: Stance['as']): Formation => ({ inStep: stance(as), late: stance(as), last: stance(as) })

/**
 * Kills its share of the processes of one command.
 *
 * @param undone met by rows that the command still has to do.
 */
async function attack(undone: Conditions, args: Assault['args'], comesToEnd = true): Promise<void> {
  const share = Math.floor((kills * (tolls.length + 1)) / ASSAULTS) - Math.floor((kills * tolls.length) / ASSAULTS)
  const batch = Math.max(2, Math.round(rows / (Math.max(1, share) * 20)))
  const leave = followFrontier(database, fleet as Fleet, undone, 4 * batch)
  const toll = await assault({ database, setup: setup(), args, kills: share, random, batch, comesToEnd })
  await leave()
  tolls.push(toll)
  if (talkative) process.stdout.write(`${args(0).join(' ')}: ${inspect(toll)}\n`)
  expect(toll.problems).toEqual([])
}

/** All rows, as a client that has no key at hand reads them. */
async function expectAsLogged(stance: Stance): Promise<void> {
  await fleet?.rest()
  const { db, close } = openClient(place, stance)
  const { contents, problems: unread } = await readContents(db)
  await close()
  const { log, problems, done, unknown } = await (fleet as Fleet).report()
  if (talkative) process.stdout.write(`${stance.as}: ${inspect({ rows: log.rows.length, unknown, done })}\n`)
  expect([...problems, ...unread, ...problemsOf(log, contents)].slice(0, 20)).toEqual([])
  expect(unknown).toBe(0)
  for (const operation of done.keys()) acknowledged.add(operation)
}

async function expectVerified(): Promise<void> {
  const { code, events } = await runCli(setup(), ['verify', ...MODELS, '--json'])
  expect(events.filter(({ event }) => event === 'finding').slice(0, 5)).toEqual([])
  expect(code).toBe(0)
}

const storedKeys = async (kid: string): Promise<number> =>
  (await database.sql('SELECT id FROM envelope_keys WHERE kid = $1', [kid])).length

/** Writers have made a stored key of every table. */
const untilStored = (kid: string): Promise<unknown> => waitUntil(async () => (await storedKeys(kid)) >= MODELS.length)

/** Rows that are forgotten stay so where writers, who seal rows anew too, mostly keep to others. */
const halfOf = (conditions: Conditions): Conditions =>
  inEach(({ model, key }) => `(${conditions[model]}) AND hashtext(${key}::text) % 2 = 0`)

const rotate = (kind: string) => (): readonly string[] => ['rotate', kind, ...MODELS]

describe(`${kills} kills beside ${writers + 2} writers, with seed ${seed}`, () => {
  const timeout = 120_000 + kills * 10_000

  test('encrypt leaves every value as it was written last, and none in plain', { timeout }, async () => {
    const unsealed = inEach(({ envelope }) => `${envelope} IS NULL`)
    const encrypt = (): readonly string[] => ['encrypt', ...MODELS]
    await fleet?.roll({ inStep: stance('plain', false), late: stance('plain', false), last: stance('unextended', false) })
    await sleep(1000)
    await fleet?.roll({ inStep: stance('dual'), late: stance('plain'), last: stance('plain') })
    await attack(unsealed, encrypt, false)
    await fleet?.roll(all('dual'))
    await attack(unsealed, encrypt)
    expect(await countWhere(database, PLAINTEXT)).toBe(0)
    const { result: status } = await runCli(setup(), ['status', ...MODELS, '--json'])
    expect(status).toMatchObject({ models: MODELS.map((model) => ({ model, plaintext: 0, mixed: 0, foreignWrites: 0 })) })
    await fleet?.roll(all('strict'))
    await sleep(500)
    await expectAsLogged(stance('strict'))
    await expectVerified()
    const again = await runCli(setup(), [...encrypt(), '--json'])
    expect(again).toMatchObject({ code: 0, result: { models: MODELS.map((model) => ({ model, written: 0 })) } })
  })

  test('rotate --rewrap moves every row to another KMS key, and every stored key', { timeout }, async () => {
    const { pii = '' } = keys
    const { arn } = await kms.server.createKey('alias/app-pii-2')
    await fleet?.roll(all('strict'))
    keyStore = 'read'
    await fleet?.roll(all('strict'))
    keyStore = 'used'
    await fleet?.roll(all('strict'))
    await untilStored('pii')
    keys = { pii, pii2: arn }
    await fleet?.roll(all('strict'))
    keys = { pii2: arn, pii }
    await fleet?.roll(all('strict'))
    const old = inEach(({ envelope }) => `${envelope} ->> 'kid' IS DISTINCT FROM 'pii2' AND NOT ${envelope} ? 'bk'`)
    await attack(old, rotate('--rewrap'))
    expect(await countWhere(database, old)).toBe(0)
    expect(await storedKeys('pii')).toBe(0)
    // The old key stays for the index key, which it wraps.
    await expectAsLogged(stance('strict'))
    await expectVerified()
  })

  test('rotate --reencrypt seals every row anew', { timeout }, async () => {
    const old = await noteSealed(database)
    await fleet?.roll(all('strict'))
    const folder = await mkdtemp(join(tmpdir(), 'prisma-envelope-crash-'))
    // Either process does all that it is to do: patients by one alone show whether it forgets any when it is killed.
    const models = (at: number): readonly string[] => (at === 0 ? MODELS : MODELS.slice(1))
    await attack(halfOf(old), (at) => ['rotate', '--reencrypt', ...models(at), '--state', join(folder, `${at}.json`)])
    await rm(folder, { recursive: true })
    expect(await countWhere(database, old)).toBe(0)
    expect(
      await countWhere(
        database,
        inEach(({ envelope }) => `NOT ${envelope} ? 'bk'`),
      ),
    ).toBe(0)
    await expectAsLogged(stance('strict'))
    await expectVerified()
  })

  test('rotate --reindex gives every value the token of another index key', { timeout }, async () => {
    const [before = ''] = indexKeys
    const next = await createIndexKey({ current: kms.provider })
    indexKeys = [before, next]
    await fleet?.roll(all('strict'))
    indexKeys = [next, before]
    await fleet?.roll(all('strict'))
    const [, id] = before.split('.')
    const old = inEach(({ searchable }) => searchable.map((column) => `substr(${column}, 2, 4) = '${id}'`).join(' OR '))
    await attack(old, rotate('--reindex'))
    expect(await countWhere(database, old)).toBe(0)
    indexKeys = [next]
    await fleet?.roll(all('strict'))
    await sleep(500)
    await expectAsLogged(stance('strict'))
    await expectVerified()
  })

  test('decrypt leaves every value in plain, as it was written last', { timeout }, async () => {
    const sealed = inEach(({ envelope }) => `${envelope} IS NOT NULL`)
    const decrypt = (): readonly string[] => ['decrypt', ...MODELS]
    await fleet?.roll(all('dual'))
    await fleet?.roll({ inStep: stance('plain'), late: stance('dual'), last: stance('plain') })
    await attack(sealed, decrypt, false)
    await fleet?.roll({ inStep: stance('plain'), late: stance('plain'), last: stance('unextended') })
    await attack(sealed, decrypt)
    expect(await countWhere(database, sealed)).toBe(0)
    await fleet?.roll({ inStep: stance('plain', false), late: stance('plain', false), last: stance('unextended', false) })
    await sleep(500)
    await expectAsLogged(stance('unextended', false))
  })

  test('many kills met a process that was writing, and many left another one running', () => {
    const sum = (of: (toll: Toll) => number): number => tolls.reduce((total, toll) => total + of(toll), 0)
    const many = Math.max(1, Math.floor(kills / 3) - 1)
    expect(tolls).toHaveLength(ASSAULTS)
    expect(sum((toll) => toll.kills)).toBeGreaterThanOrEqual(kills)
    expect(sum(({ inWork }) => inWork)).toBeGreaterThanOrEqual(many)
    expect(sum(({ ofOne }) => ofOne)).toBeGreaterThanOrEqual(many)
  })

  test('the writers did everything that they can do', () => {
    expect(OPERATIONS.map(({ name }) => name).filter((name) => !acknowledged.has(name))).toEqual([])
  })
})
