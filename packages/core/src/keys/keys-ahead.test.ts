import { beforeEach, describe, expect, it } from 'vitest'
import { type FakeKms, fakeKms } from '../../test/fake-kms.ts'
import { rowContext } from './context.ts'
import type { Keys } from './contract.ts'
import { createKeys } from './key-service.ts'
import { createKeyring } from './keyring.ts'
import { createKeysAhead, KeysNeeded } from './keys-ahead.ts'
import type { KeysOptions } from './keys-options.ts'

const ZEROS = new Uint8Array(32)
const context = rowContext('Patient')

let kms: FakeKms
beforeEach(() => {
  kms = fakeKms()
})

const serviceOf = (options: Omit<KeysOptions, 'keyring'>) => createKeys({ keyring: createKeyring({ current: kms }), ...options })

/** Does work again until it needs no more keys. */
async function attempts(work: () => Promise<void>): Promise<number> {
  for (let attempt = 1; attempt <= 10; attempt++) {
    try {
      await work()
      return attempt
    } catch (error) {
      if (!(error instanceof KeysNeeded)) throw error
      await error.fetch()
    }
  }
  throw new Error('it needs keys without end')
}

async function seal(keys: Keys, rows: number, under = context) {
  const taken = keys.readyForSealing({ context: under }, rows) ?? (await keys.forSealing({ context: under }, rows))
  const wrapped = taken.map((key) => key.wrapped)
  for (const { key } of taken) {
    expect(key.bytes).not.toEqual(ZEROS)
    key.release()
  }
  return wrapped
}

describe.each([
  { by: 'a call for each row', options: { mode: 'direct' }, calls: 25 },
  { by: 'branch keys that each serve few rows', options: { branch: { maxRows: 2 } }, calls: 15 },
] as const)('work that seals and opens again, with $by', ({ options, calls }) => {
  it('ends, whatever the cache lets go of meanwhile', async () => {
    const ahead = createKeysAhead(serviceOf({ ...options, cache: { maxEntries: 1 } }))
    const count = await attempts(async () => {
      const wrapped = await seal(ahead.keys, 20)
      const requests = wrapped.map((key) => ({ kid: 'pii', wrapped: key, context }))
      for (const handle of await ahead.keys.forOpening(requests)) expect(handle).toMatchObject({ bytes: expect.any(Uint8Array) })
    })
    expect(count).toBe(2)
    expect(kms.calls.unwrap).toBe(0)
    ahead.release()
  })

  it('ends, whatever number of contexts it seals under', async () => {
    const ahead = createKeysAhead(serviceOf({ ...options, cache: { maxEntries: 1 } }))
    const contexts = ['A', 'B', 'C', 'D', 'E'].map((tenant) => rowContext('Patient', { tenant }))
    const count = await attempts(async () => {
      for (const under of contexts) await seal(ahead.keys, 5, under)
    })
    expect(count).toBe(6)
    ahead.release()
    expect(kms.calls.generateDataKey).toBe(calls)
  })
})

it('gives a key that sealed for an abandoned attempt again, unless what it sealed may have been sent', async () => {
  for (const isSent of [false, true]) {
    const ahead = createKeysAhead(serviceOf({ mode: 'direct' }))
    const sealed: string[] = []
    let abandoned = false
    await attempts(async () => {
      sealed.push(...(await seal(ahead.keys, 1)))
      if (abandoned) return
      abandoned = true
      if (isSent) ahead.sent()
      await seal(ahead.keys, 1, rowContext('Doctor'))
    })
    expect(new Set(sealed).size).toBe(isSent ? 2 : 1)
    ahead.release()
  }
})

it('zeroes what it fetched once it is released, and not before', async () => {
  const ahead = createKeysAhead(serviceOf({ mode: 'direct', cache: { maxEntries: 0 } }))
  await attempts(async () => void (await seal(ahead.keys, 3)))
  expect(kms.handedOut.filter((key) => key.every((byte) => byte === 0))).toEqual([])
  ahead.release()
  expect(kms.handedOut).toEqual([ZEROS, ZEROS, ZEROS])
})
