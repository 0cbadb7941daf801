import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { type FakeKms, fakeKms, gate, wrappedKey } from '../../test/fake-kms.ts'
import { type MemoryKeyStore, memoryKeyStore } from '../../test/memory-key-store.ts'
import { EnvelopeError } from '../errors.ts'
import { rowContext } from './context.ts'
import type { Keys, SealingKey } from './contract.ts'
import { createKeys, type KeyService } from './key-service.ts'
import { contextDigest, type StoredKey } from './key-store.ts'
import { createKeyring } from './keyring.ts'
import type { KeysOptions } from './keys-options.ts'

const context = rowContext('Patient')
const ZEROS = new Uint8Array(32)
const DAY = 86_400_000

let kms: FakeKms
let store: MemoryKeyStore
let time: number
beforeEach(() => {
  kms = fakeKms()
  store = memoryKeyStore()
  time = 1000 * DAY
})

/** One process. All clocks go alike. */
function createService(options: Partial<KeysOptions> = {}): KeyService {
  return createKeys({
    keyring: createKeyring({ current: kms }),
    keyStore: store,
    now: () => time,
    wallClock: () => time,
    ...options,
  })
}

async function seal(keys: Keys, rows = 1, under = context): Promise<readonly SealingKey[]> {
  const scope = { context: under }
  return keys.readyForSealing(scope, rows) ?? keys.forSealing(scope, rows)
}

/** The id of the key that one row is sealed under; its handle is released. */
async function idOfSeal(keys: Keys, under = context): Promise<string | undefined> {
  const [key] = await seal(keys, 1, under)
  key?.key.release()
  return key?.stored
}

async function open(keys: Keys, stored: string | undefined, under = context) {
  const request = { kid: '', wrapped: '', context: under, stored }
  const [outcome] = await keys.forOpening([request])
  return outcome
}

describe('a stored branch key', () => {
  it('is made once, in the store before it seals, and serves all that follows', async () => {
    const keys = createService()
    const [first] = await seal(keys, 3)
    expect(first).toMatchObject({ mode: 'branch', kid: 'pii', rows: 3, stored: expect.stringMatching(/^[\w-]{22}$/) })
    expect(store.rows).toEqual([
      {
        id: first?.stored,
        kid: 'pii',
        table: 'Patient',
        context: {},
        contextDigest: contextDigest({}),
        generation: 0,
        wrapped: first?.wrapped,
        createdAt: new Date(time),
        erasedAt: null,
      },
    ])
    expect(await idOfSeal(keys)).toBe(first?.stored)
    expect(kms.calls).toEqual({ generateDataKey: 1, wrap: 0, unwrap: 0 })
    expect(store.calls).toEqual({ load: 0, newest: 1, insert: 1 })
  })

  it('is taken over by other processes, for one KMS call each', async () => {
    const id = await idOfSeal(createService())
    const other = createService()
    expect(await idOfSeal(other)).toBe(id)
    expect(await idOfSeal(other)).toBe(id)
    expect(kms.calls).toEqual({ generateDataKey: 1, wrap: 0, unwrap: 1 })
  })

  it('opens what it sealed, here without asking anybody, elsewhere by one query and one KMS call', async () => {
    const keys = createService()
    const [sealing] = await seal(keys)
    expect(await open(keys, sealing?.stored)).toMatchObject({ bytes: sealing?.key.bytes })
    expect(store.calls.load).toBe(0)
    const other = createService()
    expect(await open(other, sealing?.stored)).toMatchObject({ bytes: sealing?.key.bytes })
    expect(await open(other, sealing?.stored)).toMatchObject({ bytes: sealing?.key.bytes })
    expect(store.loaded).toEqual([[sealing?.stored]])
    expect(kms.calls).toEqual({ generateDataKey: 1, wrap: 0, unwrap: 1 })
  })

  it('is one for all who ask a process at the same time', async () => {
    const keys = createService()
    const ids = await Promise.all(Array.from({ length: 500 }, () => idOfSeal(keys)))
    expect(new Set(ids).size).toBe(1)
    expect(kms.calls).toEqual({ generateDataKey: 1, wrap: 0, unwrap: 0 })
    expect(store.calls).toEqual({ load: 0, newest: 1, insert: 1 })
  })

  it('is one for all processes that start at the same time: the others take the winner’s', async () => {
    // All have looked before the first one inserts.
    const looked = gate()
    let looks = 0
    store.before = async (call) => {
      if (call === 'newest' && ++looks === 100) looked.open()
      if (call === 'insert') await looked.passed
    }
    const processes = Array.from({ length: 100 }, () => createService())
    const ids = await Promise.all(processes.map((keys) => idOfSeal(keys)))
    expect(new Set(ids)).toEqual(new Set([store.rows[0]?.id]))
    expect(store.rows).toHaveLength(1)
    expect(kms.calls).toEqual({ generateDataKey: 100, wrap: 0, unwrap: 99 })
    // No loser keeps the key that nobody will name.
    expect(kms.handedOut.filter((key) => Buffer.from(key).equals(ZEROS))).toHaveLength(99)
  })

  it('serves one KMS key, one table and one context', async () => {
    const other = fakeKms('other')
    const keys = createService({ keyring: createKeyring({ current: kms, others: [other] }) })
    const scopes = [
      { context },
      { context: rowContext('Visit') },
      { context: rowContext('Patient', { tenant: '1' }) },
      { context: rowContext('Patient', { tenant: '2' }) },
      { context, kid: 'other' },
    ]
    const taken = (await Promise.all(scopes.map((scope) => keys.forSealing(scope, 1)))).flat()
    expect(new Set(taken.map(({ stored }) => stored)).size).toBe(5)
    expect(store.rows.map(({ kid, table, context: stored }) => [kid, table, stored])).toEqual([
      ['pii', 'Patient', {}],
      ['pii', 'Visit', {}],
      ['pii', 'Patient', { tenant: '1' }],
      ['pii', 'Patient', { tenant: '2' }],
      ['other', 'Patient', {}],
    ])
    expect((await keys.forSealing({ context: rowContext('Patient', { tenant: '1' }) }, 1))[0]?.stored).toBe(taken[2]?.stored)
  })

  it('is none for no rows', async () => {
    expect(await createService().forSealing({ context }, 0)).toEqual([])
    expect(store.calls).toEqual({ load: 0, newest: 0, insert: 0 })
  })
})

describe('a successor', () => {
  it('is made once the newest key is as old as rotateAfter, by whichever process meets it, and the others follow within maxAge', async () => {
    const [one, two] = [createService(), createService()]
    const first = await idOfSeal(one)
    await idOfSeal(two)
    time += 30 * DAY - 1
    expect([await idOfSeal(one), await idOfSeal(two)]).toEqual([first, first])
    time += 1
    const second = await idOfSeal(two)
    expect(second).not.toBe(first)
    expect(await idOfSeal(one)).toBe(second)
    expect(store.rows.map(({ generation }) => generation)).toEqual([0, 1])
    // Rows of the first are read as before.
    expect(await open(createService(), first)).toHaveProperty('bytes')
  })

  it('is made when this process has wrapped maxWraps times, in the middle of a request', async () => {
    const keys = createService({ branch: { maxWraps: 10 } })
    expect((await seal(keys, 7)).map(({ rows }) => rows)).toEqual([7])
    const straddling = await seal(keys, 25)
    expect(straddling.map(({ rows }) => rows)).toEqual([3, 10, 10, 2])
    expect(new Set(straddling.map(({ stored }) => stored)).size).toBe(4)
    expect(store.rows.map(({ generation }) => generation)).toEqual([0, 1, 2, 3])
    // Another process counts for itself.
    expect((await seal(createService({ branch: { maxWraps: 10 } }), 10)).map(({ stored }) => stored)).toEqual([
      straddling[3]?.stored,
    ])
  })

  it('is the one that another process has made meanwhile, where there is one', async () => {
    const keys = createService({ branch: { maxWraps: 5 } })
    await seal(keys, 5)
    const other = createService({ branch: { maxWraps: 5 } })
    await seal(other, 5)
    const [made] = await seal(other, 1)
    expect((await seal(keys, 1))[0]?.stored).toBe(made?.stored)
    expect(store.rows).toHaveLength(2)
  })

  it('counts wraps of a key that left memory in between', async () => {
    const keys = createService({ branch: { maxWraps: 4, maxEntries: 1 } })
    const first = (await seal(keys, 3))[0]?.stored
    await seal(keys, 1, rowContext('Visit'))
    expect((await seal(keys, 2)).map(({ stored, rows }) => [stored === first, rows])).toEqual([
      [true, 1],
      [false, 1],
    ])
  })

  it('is not made early by a clock that is behind, nor twice by one that is ahead', async () => {
    const first = await idOfSeal(createService())
    expect(await idOfSeal(createService({ wallClock: () => time - 400 * DAY }))).toBe(first)
    const ahead = () => createService({ wallClock: () => time + 400 * DAY })
    const second = await idOfSeal(ahead())
    expect(second).not.toBe(first)
    expect([await idOfSeal(ahead()), await idOfSeal(createService())]).toEqual([second, second])
  })
})

describe('what the cache remembers', () => {
  it('is asked again after maxAge: once the KMS refuses, nothing is sealed or opened any more', async () => {
    const keys = createService({ cache: { refreshAhead: false } })
    const id = await idOfSeal(keys)
    time += 59_999
    expect(await idOfSeal(keys)).toBe(id)
    kms.during = () => Promise.reject(new EnvelopeError('ACCESS_DENIED', 'revoked'))
    time += 2
    await expect(seal(keys)).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    expect(await open(keys, id)).toMatchObject({ code: 'ACCESS_DENIED' })
    expect(kms.handedOut.every((key) => Buffer.from(key).equals(ZEROS))).toBe(true)
  })

  it('costs a KMS call and a query for each maxAge: an hour of steady writes 80 at most', async () => {
    const keys = createService()
    for (let second = 0; second < 3600; second++) {
      await idOfSeal(keys)
      time += 1000
    }
    expect(kms.calls.generateDataKey + kms.calls.unwrap).toBeLessThanOrEqual(80)
    expect(store.calls.newest).toBeLessThanOrEqual(60)
  })

  it('is nothing where maxEntries is 0: each operation unwraps, and stays correct', async () => {
    const keys = createService({ cache: { maxEntries: 0 } })
    const [made] = await seal(keys)
    const [again] = await seal(keys)
    expect(again?.stored).toBe(made?.stored)
    expect(again?.key.bytes).toEqual(made?.key.bytes)
    expect(await open(keys, made?.stored)).toMatchObject({ bytes: made?.key.bytes })
    expect(kms.calls).toEqual({ generateDataKey: 1, wrap: 0, unwrap: 2 })
  })

  it('is bounded: 3,000 tenants get their own keys through a cache of 300', async () => {
    const keys = createService({ cache: { maxEntries: 300 }, branch: { maxEntries: 300 } })
    const tenants = Array.from({ length: 3000 }, (_, i) => rowContext('Patient', { tenant: String(i) }))
    const ids = new Set<string | undefined>()
    for (const tenant of tenants) ids.add(await idOfSeal(keys, tenant))
    expect(ids.size).toBe(3000)
    expect(kms.handedOut.filter((key) => !Buffer.from(key).equals(ZEROS))).toHaveLength(300)
  })

  it('is loaded by one query for all keys of a read, and only what is missing', async () => {
    const writer = createService({ branch: { maxWraps: 1 } })
    const ids: string[] = []
    for (let i = 0; i < 50; i++) ids.push((await idOfSeal(writer)) ?? '')
    const reader = createService()
    const request = (stored: string) => ({ kid: '', wrapped: '', context, stored })
    await reader.forOpening(ids.slice(0, 10).map(request))
    const opened = await reader.forOpening([...ids, ...ids].map(request))
    expect(opened.every((outcome) => !(outcome instanceof EnvelopeError))).toBe(true)
    expect(store.loaded).toEqual([ids.slice(0, 10), ids.slice(10)])
    expect(kms.calls.unwrap).toBe(50)
  })

  it('is loaded once for 3,000 readers at the same time', async () => {
    const id = await idOfSeal(createService())
    const reader = createService()
    const opened = await Promise.all(Array.from({ length: 3000 }, () => open(reader, id)))
    expect(opened.every((outcome) => outcome !== undefined && 'bytes' in outcome)).toBe(true)
    expect(store.calls.load).toBe(1)
    expect(kms.calls.unwrap).toBe(1)
  })
})

describe('a failure', () => {
  it('of the KMS leaves nothing in the store, and is not remembered', async () => {
    const keys = createService()
    kms.during = () => Promise.reject(new EnvelopeError('ACCESS_DENIED', 'no'))
    await expect(seal(keys)).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    expect(store.rows).toEqual([])
    kms.during = () => Promise.resolve()
    expect(await idOfSeal(keys)).toBe(store.rows[0]?.id)
  })

  it('of the store is the store’s own error, and leaves no key in memory', async () => {
    const keys = createService()
    const outage = new Error('P1001: the database cannot be reached')
    for (const broken of ['newest', 'insert']) {
      store.before = (call) => (call === broken ? Promise.reject(outage) : Promise.resolve())
      await expect(seal(keys)).rejects.toBe(outage)
      expect(kms.handedOut.every((key) => Buffer.from(key).equals(ZEROS))).toBe(true)
    }
    store.before = (call) => (call === 'load' ? Promise.reject(outage) : Promise.resolve())
    const id = await idOfSeal(keys)
    await expect(open(createService(), id)).rejects.toBe(outage)
    store.before = () => Promise.resolve()
    expect(await open(createService(), id)).toHaveProperty('bytes')
  })

  it('of an insert that came through all the same does no harm: its key is the active one', async () => {
    const keys = createService()
    const insert = store.insert.bind(store)
    store.insert = async (key) => {
      await insert(key)
      throw new Error('connection lost')
    }
    await expect(seal(keys)).rejects.toThrow('connection lost')
    store.insert = insert
    expect(await idOfSeal(keys)).toBe(store.rows[0]?.id)
    expect(store.rows).toHaveLength(1)
  })

  it('to ever see a key in a store that takes none is told, not waited for', async () => {
    store.insert = () => Promise.resolve(false)
    await expect(seal(createService())).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(kms.handedOut.every((key) => Buffer.from(key).equals(ZEROS))).toBe(true)
  })

  it('to insert is not the failure of those who came while it was under way', async () => {
    const keys = createService()
    const inserting = gate()
    let inserts = 0
    store.before = async (call) => {
      if (call === 'insert' && inserts++ === 0) await inserting.passed
    }
    const first = seal(keys)
    await new Promise(setImmediate)
    const second = seal(keys)
    inserting.fail(new Error('gone'))
    await expect(first).rejects.toThrow('gone')
    expect((await second)[0]?.stored).toBe(store.rows[0]?.id)
  })

  it('of a KMS that hangs is TIMEOUT at the deadline, and a late key is neither stored nor kept', async () => {
    const keys = createService({ deadline: 5 })
    const answer = gate()
    kms.during = () => answer.passed
    await expect(seal(keys)).rejects.toMatchObject({ code: 'TIMEOUT' })
    answer.open()
    await new Promise(setImmediate)
    expect(store.rows).toEqual([])
    expect(kms.handedOut.every((key) => Buffer.from(key).equals(ZEROS))).toBe(true)
  })

  it('is told where a stored key is needed and there is no store', async () => {
    const keys = createKeys({ keyring: createKeyring({ current: kms }) })
    expect(await open(keys, 'some-id')).toMatchObject({ code: 'CONFIG', message: expect.stringContaining('keyStore') })
    expect(() => createKeys({ keyring: createKeyring({ current: kms }), mode: 'stored' })).toThrow(/keyStore/)
  })
})

describe('a key that was erased', () => {
  it('opens nothing and takes no rows once what is remembered has aged, in whatever table of its context', async () => {
    const tenant = rowContext('Patient', { tenant: '7' })
    const keys = createService()
    const id = await idOfSeal(keys, tenant)
    store.change(id ?? '', { wrapped: null, erasedAt: new Date(time) })
    time += 60_001
    expect(await open(keys, id, tenant)).toMatchObject({ code: 'ERASED' })
    await expect(seal(keys, 1, tenant)).rejects.toMatchObject({ code: 'ERASED' })
    await expect(seal(keys, 1, rowContext('Visit', { tenant: '7' }))).rejects.toMatchObject({ code: 'ERASED' })
    expect(await idOfSeal(keys, rowContext('Patient', { tenant: '8' }))).toBeDefined()
  })
})

describe('a key that was wrapped by another KMS key since', () => {
  it('opens at once where the KMS refuses what is remembered', async () => {
    const next = fakeKms('next')
    const keyring = createKeyring({ current: next, others: [kms] })
    const [sealing] = await seal(createService())
    const reader = createService({ keyring, cache: { maxUses: 1 } })
    expect(await open(reader, sealing?.stored)).toHaveProperty('bytes')
    const wrapped = await wrappedKey(next, context, sealing?.key.bytes)
    store.change(sealing?.stored ?? '', { kid: 'next', wrapped })
    kms.during = () => Promise.reject(new EnvelopeError('KEY_DISABLED', 'retired'))
    expect(await open(reader, sealing?.stored)).toMatchObject({ bytes: sealing?.key.bytes })
    expect(await idOfSeal(reader)).toBe(sealing?.stored)
  })

  it('is KEY_UNKNOWN where the keyring lacks that one', async () => {
    const [sealing] = await seal(createService())
    const next = fakeKms('next')
    store.change(sealing?.stored ?? '', { kid: 'next', wrapped: await wrappedKey(next, context) })
    expect(await open(createService(), sealing?.stored)).toMatchObject({ code: 'KEY_UNKNOWN' })
  })
})

describe('within a transaction of the caller’s', () => {
  it('the store is read by its reader alone, and no key is made: rows carry theirs', async () => {
    const keys = createService()
    const within = keys.within(store)
    const [inline] = await seal(within)
    expect(inline).toMatchObject({ mode: 'branch', kid: 'pii' })
    expect(inline?.stored).toBeUndefined()
    expect(store.rows).toEqual([])
    expect(await within.forOpening([{ kid: 'pii', wrapped: inline?.wrapped ?? '', context }])).toMatchObject([
      { bytes: inline?.key.bytes },
    ])
  })

  it('a key of the store is used where it can be read, or is at hand', async () => {
    const id = await idOfSeal(createService())
    const keys = createService()
    expect(await idOfSeal(keys.within(store))).toBe(id)
    const reads = store.calls.newest
    await idOfSeal(keys)
    const unreachable = { load: () => Promise.reject(new Error('no')), newest: () => Promise.reject(new Error('no')) }
    expect(await idOfSeal(keys.within(unreachable))).toBe(id)
    expect(await open(keys.within(unreachable), id)).toHaveProperty('bytes')
    expect(store.calls.newest).toBe(reads + 1)
  })

  it('what it read is not told to others: its snapshot may be old', async () => {
    const id = (await idOfSeal(createService())) ?? ''
    const snapshot = structuredClone(store.rows) as StoredKey[]
    const old = { load: async () => snapshot, newest: async () => ({ key: snapshot[0], erased: false }) }
    store.change(id, { wrapped: null, erasedAt: new Date(time) })
    const keys = createService()
    const within = keys.within(old)
    expect(await open(within, id)).toHaveProperty('bytes')
    expect(await idOfSeal(within)).toBe(id)
    expect(await open(keys, id)).toMatchObject({ code: 'ERASED' })
    await expect(seal(keys)).rejects.toMatchObject({ code: 'ERASED' })
  })

  it('an erased context takes no rows either', async () => {
    const keys = createService()
    const id = (await idOfSeal(createService())) ?? ''
    store.change(id, { wrapped: null, erasedAt: new Date(time) })
    await expect(seal(keys.within(store))).rejects.toMatchObject({ code: 'ERASED' })
  })

  it('rows beyond maxWraps carry their key', async () => {
    await idOfSeal(createService())
    const taken = await seal(createService({ branch: { maxWraps: 4 } }).within(store), 6)
    expect(taken.map(({ stored, rows }) => [stored === store.rows[0]?.id, rows])).toEqual([
      [true, 4],
      [false, 2],
    ])
  })
})

describe('a hostile store', () => {
  const forged: Readonly<Record<string, { change: Partial<StoredKey> | (() => Promise<Partial<StoredKey>>); code: string }>> = {
    'wrapped bytes that no KMS made': { change: { wrapped: Buffer.alloc(60, 7).toString('base64') }, code: 'CANNOT_OPEN' },
    'wrapped text that is no base64': { change: { wrapped: '§§§' }, code: 'CANNOT_OPEN' },
    'nothing wrapped': { change: { wrapped: '' }, code: 'CANNOT_OPEN' },
    'the key of another table': {
      change: async () => ({ wrapped: await wrappedKey(kms, rowContext('Visit')) }),
      code: 'CANNOT_OPEN',
    },
    'a key of another purpose': {
      change: async () => ({ wrapped: await wrappedKey(kms, context, new Uint8Array(16)) }),
      code: 'CANNOT_OPEN',
    },
    'another table': { change: { table: 'Visit' }, code: 'CONTEXT_MISMATCH' },
    'another context': {
      change: { context: { tenant: '1' }, contextDigest: contextDigest({ tenant: '1' }) },
      code: 'CONTEXT_MISMATCH',
    },
    'a digest of another context': { change: { contextDigest: contextDigest({ tenant: '1' }) }, code: 'CANNOT_OPEN' },
    'a context that is no object': { change: { context: [] as never }, code: 'CANNOT_OPEN' },
    'a context of numbers': { change: { context: { tenant: 7 } as never }, code: 'CANNOT_OPEN' },
    'a reserved context': {
      change: {
        context: { 'prisma-envelope:table': 'Patient' },
        contextDigest: contextDigest({ 'prisma-envelope:table': 'Patient' }),
      },
      code: 'CANNOT_OPEN',
    },
    'a KMS key’s name that none can have': { change: { kid: 'a b' }, code: 'CANNOT_OPEN' },
    'a generation that is none': { change: { generation: -1 }, code: 'CANNOT_OPEN' },
    'a date that is none': { change: { createdAt: new Date(Number.NaN) }, code: 'CANNOT_OPEN' },
  }

  it.each(Object.entries(forged))('%s', async (_, { change, code }) => {
    const id = (await idOfSeal(createService())) ?? ''
    store.change(id, typeof change === 'function' ? await change() : change)
    expect(await open(createService(), id)).toMatchObject({ code, name: 'EnvelopeError' })
    const newest = store.rows[0] as StoredKey
    store.newest = async () => ({ key: newest, erased: false })
    await expect(seal(createService())).rejects.toMatchObject({ name: 'EnvelopeError', code })
  })

  it('an id that it does not know', async () => {
    expect(await open(createService(), 'gone')).toMatchObject({ code: 'CANNOT_OPEN', message: expect.stringContaining('lacks') })
  })

  it('rows that were not asked for', async () => {
    const id = await idOfSeal(createService())
    const load = store.load.bind(store)
    const other = await idOfSeal(createService(), rowContext('Visit'))
    store.load = async () => load([other ?? ''])
    expect(await open(createService(), id)).toMatchObject({ code: 'CANNOT_OPEN' })
  })

  it('a generation that none can follow', async () => {
    const id = (await idOfSeal(createService())) ?? ''
    store.change(id, { generation: 2 ** 31 - 1 })
    time += 31 * DAY
    await expect(seal(createService())).rejects.toMatchObject({
      code: 'CANNOT_OPEN',
      message: expect.stringContaining('generation'),
    })
    expect(kms.calls.generateDataKey).toBe(1)
  })

  it('the newest key of another KMS key', async () => {
    const other = fakeKms('other')
    const id = (await idOfSeal(createService())) ?? ''
    store.change(id, { kid: 'other' })
    store.newest = async () => ({ key: store.rows[0], erased: false })
    const keyring = createKeyring({ current: kms, others: [other] })
    await expect(seal(createService({ keyring }))).rejects.toMatchObject({ code: 'CONTEXT_MISMATCH' })
  })
})

it('no key ever serves two tenants, whatever processes do side by side, and every row opens', async () => {
  const step = fc.record({
    process: fc.nat(2),
    tenant: fc.constantFrom('a', 'b', 'c'),
    rows: fc.integer({ min: 1, max: 4 }),
    within: fc.boolean(),
    age: fc.constantFrom(0, 1, 59_000, 61_000, 31 * DAY),
    ticks: fc.nat(3),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 24 }), async (steps) => {
      kms = fakeKms()
      store = memoryKeyStore()
      const delays = steps.map(({ ticks }) => ticks)
      store.before = async () => {
        for (let tick = delays.pop() ?? 0; tick > 0; tick--) await Promise.resolve()
      }
      const processes = [0, 1, 2].map(() => createService({ branch: { maxWraps: 5, maxEntries: 2 }, cache: { maxEntries: 2 } }))
      const servedTo = new Map<string, string>()
      const wraps = new Map<string, number>()
      const sealed: { stored: string | undefined; wrapped: string; tenant: string; bytes: Uint8Array; wraps: number }[] = []
      await Promise.all(
        steps.map(async ({ process, tenant, rows, within, age, ticks }) => {
          for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
          time += age
          const service = processes[process] as KeyService
          const under = rowContext('Patient', { tenant })
          const taken = await seal(within ? service.within(store) : service, rows, under)
          expect(taken.reduce((sum, key) => sum + key.rows, 0)).toBe(rows)
          for (const { stored, wrapped, key, rows: each } of taken) {
            const name = stored ?? wrapped
            expect(servedTo.get(name) ?? tenant).toBe(tenant)
            servedTo.set(name, tenant)
            const counted = `${process} ${name}`
            wraps.set(counted, (wraps.get(counted) ?? 0) + each)
            const bytes = key.bytes.slice()
            key.release()
            sealed.push({ stored, wrapped, tenant, bytes, wraps: stored === undefined ? 0 : (wraps.get(counted) ?? 0) })
          }
        }),
      )
      for (const { stored, wrapped, tenant, bytes, wraps: counted } of sealed) {
        const row = store.rows.find(({ id }) => id === stored) ?? { wrapped, context: { tenant } }
        expect(row).toMatchObject({ wrapped, context: { tenant } })
        expect(counted).toBeLessThanOrEqual(5)
        const request = stored === undefined ? { kid: 'pii', wrapped } : { kid: '', wrapped: '', stored }
        const reader = createService()
        expect(await reader.forOpening([{ ...request, context: rowContext('Patient', { tenant }) }])).toMatchObject([{ bytes }])
      }
      const names = store.rows.map((row) => `${row.contextDigest} ${row.generation}`)
      expect(new Set(names).size).toBe(names.length)
    }),
    { numRuns: 30 },
  )
})
