import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type FakeKms, fakeKms, wrappedKey } from '../../test/fake-kms.ts'
import { EnvelopeError } from '../errors.ts'
import { rowContext } from './context.ts'
import type { KeyHandle, KeyToUnwrap, RowKeys } from './contract.ts'
import { createKeys, type KeyService } from './key-service.ts'
import { createKeyring } from './keyring.ts'
import type { KeysOptions } from './keys-options.ts'

const ZEROS = Buffer.alloc(32)
const dek = (n: number): Uint8Array => new Uint8Array(32).fill(n)
const context = rowContext('Patient')

let kms: FakeKms
let time: number
let branch: KeyToUnwrap
beforeEach(async () => {
  kms = fakeKms()
  time = 0
  branch = { kid: 'pii', wrapped: await wrappedKey(kms, context), context }
})
afterEach(() => {
  vi.useRealTimers()
})

function createService(options: Partial<KeysOptions> = {}): KeyService {
  return createKeys({ keyring: createKeyring({ current: kms }), now: () => time, ...options })
}

async function open(keys: KeyService, request = branch): Promise<KeyHandle> {
  const [handle] = await keys.forOpening([request])
  if (handle === undefined || handle instanceof EnvelopeError) throw handle
  return handle
}

async function rowKeysOf(keys: KeyService, request = branch): Promise<RowKeys> {
  const { rowKeys } = await open(keys, request)
  if (rowKeys === undefined) throw new Error('no row keys')
  return rowKeys
}

const kept = (rowKeys: RowKeys, ...wrapped: string[]): boolean[] => wrapped.map((text) => rowKeys.find(text) !== undefined)

describe('row keys', () => {
  it('are found by whoever holds the branch key that unwrapped them', async () => {
    const keys = createService()
    const original = dek(7)
    const first = await rowKeysOf(keys)
    first.keep('a', original)
    original.fill(0)
    expect((await rowKeysOf(keys)).find('a')).toEqual(Buffer.from(dek(7)))
    expect(keys.cached(branch)?.rowKeys?.find('a')).toEqual(Buffer.from(dek(7)))
    expect(first.find('b')).toBeUndefined()
    expect(kms.calls.unwrap).toBe(1)
  })

  it('are not found under another branch key, key name, table or context', async () => {
    const other = fakeKms('other')
    const keys = createService({ keyring: createKeyring({ current: kms, others: [other] }) })
    const [visit, tenant] = [rowContext('Visit'), rowContext('Patient', { tenant: '1' })]
    const same = new Uint8Array(32).fill(1)
    const ours = await rowKeysOf(keys)
    ours.keep('a', dek(7))
    const others: KeyToUnwrap[] = [
      { ...branch, wrapped: await wrappedKey(kms, context, same) },
      { ...branch, kid: 'other', wrapped: await wrappedKey(other, context, same) },
      { ...branch, context: visit, wrapped: await wrappedKey(kms, visit, same) },
      { ...branch, context: tenant, wrapped: await wrappedKey(kms, tenant, same) },
    ]
    for (const request of others) expect(kept(await rowKeysOf(keys, request), 'a')).toEqual([false])
    expect(kept(ours, 'a')).toEqual([true])
  })

  it('are bounded in number for all branch keys together: what nobody found again goes first', async () => {
    const keys = createService({ cache: { maxEntries: 3 } })
    const rowKeys = await rowKeysOf(keys)
    const others = await rowKeysOf(keys, { ...branch, wrapped: await wrappedKey(kms, context) })
    expect(rowKeys.capacity).toBe(3)
    rowKeys.keep('a', dek(1))
    rowKeys.keep('b', dek(2))
    others.keep('c', dek(3))
    const a = rowKeys.find('a')
    others.keep('d', dek(4))
    expect([kept(rowKeys, 'a', 'b'), kept(others, 'c', 'd')]).toEqual([
      [true, false],
      [true, true],
    ])
    // All were found by now: the hand passes all of them once.
    others.keep('e', dek(5))
    expect([kept(rowKeys, 'a', 'b'), kept(others, 'c', 'd', 'e')]).toEqual([
      [true, false],
      [false, true, true],
    ])
    expect(a).toEqual(Buffer.from(dek(1)))
  })

  it('stay right when a place is used again', async () => {
    const rowKeys = await rowKeysOf(createService({ cache: { maxEntries: 100 } }))
    for (let n = 1; n <= 250; n++) rowKeys.keep(`row ${n}`, dek(n))
    for (let n = 1; n <= 250; n++) expect(rowKeys.find(`row ${n}`)).toEqual(n <= 150 ? undefined : Buffer.from(dek(n)))
  })

  it('take the place of what the same text stood for under another branch key', async () => {
    const keys = createService()
    const [ours, theirs] = [await rowKeysOf(keys), await rowKeysOf(keys, { ...branch, wrapped: await wrappedKey(kms, context) })]
    ours.keep('a', dek(1))
    const first = ours.find('a')
    theirs.keep('a', dek(2))
    expect(ours.find('a')).toBeUndefined()
    expect(theirs.find('a')).toEqual(Buffer.from(dek(2)))
    expect(first).not.toEqual(Buffer.from(dek(1)))
  })

  it.each<[what: string, cache: NonNullable<KeysOptions['cache']>, leave: (keys: KeyService) => Promise<unknown>]>([
    [
      'grows too old',
      { maxAge: 1000 },
      async (keys) => {
        time = 1001
        return open(keys)
      },
    ],
    ['makes room', { maxEntries: 1 }, async (keys) => open(keys, { ...branch, wrapped: await wrappedKey(kms, context) })],
    ['is used up', { maxUses: 2 }, (keys) => open(keys)],
  ])('are zeroed when their branch key %s, whoever still holds it', async (_, cache, leave) => {
    const keys = createService({ cache })
    const holder = await rowKeysOf(keys)
    holder.keep('a', dek(7))
    const bytes = holder.find('a')
    expect(bytes).toEqual(Buffer.from(dek(7)))
    await leave(keys)
    expect(bytes).toEqual(ZEROS)
    holder.keep('b', dek(8))
    expect(kept(holder, 'a', 'b')).toEqual([false, false])
  })

  it('are zeroed without being asked for, once their branch key is too old', async () => {
    vi.useFakeTimers()
    const rowKeys = await rowKeysOf(createService({ cache: { maxAge: 1000 } }))
    rowKeys.keep('a', dek(7))
    const bytes = rowKeys.find('a')
    time = 1500
    vi.advanceTimersByTime(1500)
    expect(bytes).toEqual(ZEROS)
  })

  it.each([{ maxEntries: 0 }, { maxUses: 1 }])('are none with cache %j', async (cache) => {
    expect((await open(createService({ cache }))).rowKeys).toBeUndefined()
  })

  it('show no bytes to util.inspect and JSON.stringify', async () => {
    const handle = await open(createService())
    handle.rowKeys?.keep('a', dek(7))
    for (const shown of [handle, handle.rowKeys]) {
      expect(inspect(shown, { depth: Infinity, showHidden: true })).not.toMatch(/7/)
      expect(JSON.stringify(shown)).toBe('{}')
    }
  })
})
