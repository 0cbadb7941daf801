import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type FakeKms, fakeKms } from '../../test/fake-kms.ts'
import { rowContext } from '../keys/context.ts'
import type { EncryptionContext } from '../keys/key-provider.ts'
import { createKeys } from '../keys/key-service.ts'
import { createKeyring } from '../keys/keyring.ts'
import type { KeysOptions } from '../keys/keys-options.ts'
import { dekAad } from './aad.ts'
import { openBytes } from './aead.ts'
import type { Envelope, RowToSeal } from './contract.ts'
import { createRowCipher } from './row-cipher.ts'

type Sealed = readonly [row: RowToSeal, envelope: Envelope]

const toOpen = ([{ table, binding }, envelope]: Sealed) => ({ table, binding, envelope: structuredClone(envelope) })

/** What the KMS itself unwraps; undefined under another context. */
async function unwrapped(kms: FakeKms, { wk }: Envelope, context: EncryptionContext): Promise<Uint8Array | undefined> {
  return kms.unwrap(Buffer.from(wk as string, 'base64'), context).catch(() => undefined)
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('rows of many tenants', () => {
  const rows = fc.record({
    table: fc.constantFrom('Patient', 'Visit'),
    ctx: fc.constantFrom(
      undefined,
      {},
      { tenant: '1' },
      { tenant: '2' },
      { tenant: '12' },
      { tenant: '1', plan: '2' },
      { plan: '1' },
    ),
    kid: fc.constantFrom(undefined, 'a', 'b'),
    binding: fc.constant([]),
    record: fc.record({ name: fc.constantFrom('x', null) }),
  })
  const turns = fc.array(fc.array(fc.array(rows, { maxLength: 8 }), { minLength: 1, maxLength: 4 }), { maxLength: 6 })
  const limits = fc.record({ maxRows: fc.constantFrom(1, 2, 5, 1000), maxEntries: fc.constantFrom(1, 2, 1000) })

  test.each(['branch', 'direct'] as const)('interleave in any way: no key of one ever serves another (%s)', async (mode) => {
    await fc.assert(
      fc.asyncProperty(turns, limits, async (interleaved, { maxRows, maxEntries }) => {
        const [a, b] = [fakeKms('a'), fakeKms('b')]
        const options: Omit<KeysOptions, 'keyring'> = {
          mode,
          branch: { maxRows, maxEntries },
          cache: { maxEntries },
          deadline: 60_000,
        }
        const keys = createKeys({ keyring: createKeyring({ current: a, others: [b] }), ...options })
        const cipher = createRowCipher({ keys })
        const sealed: Sealed[] = []
        for (const batches of interleaved) {
          // Side by side, so that they share calls of the KMS.
          const envelopes = await Promise.all(batches.map((batch) => cipher.seal(batch)))
          batches.forEach((batch, i) => batch.forEach((row, n) => sealed.push([row, envelopes[i]?.[n] as Envelope])))
        }
        const owners = new Map<string, string>()
        for (const [row, envelope] of sealed) {
          const { kid = 'a', table, ctx = {} } = row
          expect(envelope.kid).toBe(kid)
          expect(envelope.ctx ?? {}).toEqual(ctx)
          const key = await unwrapped(kid === 'a' ? a : b, envelope, rowContext(table, ctx))
          if (key === undefined) throw new Error('the KMS did not unwrap the key under the context of its row')
          const owner = JSON.stringify([kid, table, ctx])
          expect(owners.get(hex(key)) ?? owner).toBe(owner)
          owners.set(hex(key), owner)
          for (const other of [{}, { tenant: '1' }, { tenant: '2' }, { tenant: '12' }]) {
            const isOwn = JSON.stringify(other) === JSON.stringify(ctx)
            expect((await unwrapped(kid === 'a' ? a : b, envelope, rowContext(table, other))) !== undefined).toBe(isOwn)
            if (envelope.dek === undefined) continue
            const dek = openBytes(key, Buffer.from(envelope.dek, 'base64'), dekAad(table, other))
            expect(dek !== undefined).toBe(isOwn)
          }
        }
        const opened = await cipher.open(sealed.map(toOpen))
        expect(opened.map((row) => (row instanceof Error ? row.code : row.record))).toEqual(sealed.map(([{ record }]) => record))
      }),
      { numRuns: 60 },
    )
  })

  test('take no envelope of another tenant, whatever of it is exchanged', async () => {
    const kms = fakeKms()
    const cipher = createRowCipher({ keys: createKeys({ keyring: createKeyring({ current: kms }) }) })
    const row = { table: 'Patient', binding: [], record: { name: 'x' } }
    const [ours, theirs] = (await cipher.seal([
      { ...row, ctx: { tenant: '1' } },
      { ...row, ctx: { tenant: '2' } },
    ])) as [Envelope, Envelope]
    const parts = ['ctx', 'wk', 'dek', 'ct'] as const
    for (let taken = 1; taken < 2 ** parts.length - 1; taken++) {
      const chosen = parts.filter((_, i) => (taken & (1 << i)) !== 0)
      const envelope = { ...ours, ...Object.fromEntries(chosen.map((part) => [part, theirs[part]])) }
      expect(await cipher.open([{ ...row, envelope }])).toMatchObject([{ code: 'CANNOT_OPEN' }])
    }
  })
})

describe('10,000 tenants and 1,000 keys in memory', () => {
  const tenants = Array.from({ length: 10_000 }, (_, i) => String(i))
  const row = (tenant: string): RowToSeal => ({
    table: 'Patient',
    binding: [],
    record: { name: `of ${tenant}` },
    ctx: { tenant },
  })
  const kms = fakeKms()
  const keys = createKeys({ keyring: createKeyring({ current: kms }), deadline: 60_000, now: () => 0 })
  const cipher = createRowCipher({ keys })
  const sealed: Sealed[] = []
  /** Keys whose bytes are in memory. */
  const held = (): number => kms.handedOut.filter((key) => key.some((byte) => byte !== 0)).length
  const callsOf = async (work: () => Promise<void>): Promise<readonly [generated: number, unwrapped: number]> => {
    const { generateDataKey, unwrap } = kms.calls
    await work()
    return [kms.calls.generateDataKey - generateDataKey, kms.calls.unwrap - unwrap]
  }
  const read = async (from: readonly Sealed[]): Promise<void> => {
    for (const each of from) expect(await cipher.open([toOpen(each)])).toMatchObject([{ record: each[0].record }])
  }

  test('are sealed by one call each, and leave no more keys than that', async () => {
    const calls = await callsOf(async () => {
      for (const tenant of tenants) {
        const [envelope] = await cipher.seal([row(tenant)])
        sealed.push([row(tenant), envelope as Envelope])
      }
    })
    expect(calls).toEqual([10_000, 0])
    expect(held()).toBe(1000)
  })

  test('are read by one call each, but for those whose keys are still there', async () => {
    expect(await callsOf(() => read(sealed.slice(-1000)))).toEqual([0, 0])
    expect(await callsOf(() => read(sealed.toReversed()))).toEqual([0, 9000])
    expect(await callsOf(() => read(sealed.slice(0, 1000)))).toEqual([0, 0])
    expect(await callsOf(() => read(sealed.slice(0, 1000)))).toEqual([0, 0])
    // The keys that seal, and those that open.
    expect(held()).toBeLessThanOrEqual(2000)
  })

  test('are read all at once by one call each, too, and let go of again', async () => {
    expect(
      await callsOf(async () => {
        const opened = await cipher.open(sealed.map(toOpen))
        expect(opened.every((result, i) => !(result instanceof Error) && result.record['name'] === `of ${i}`)).toBe(true)
      }),
    ).toEqual([0, 9000])
    expect(held()).toBeLessThanOrEqual(2000)
  })

  test('go on under the keys that seal', async () => {
    expect(await callsOf(async () => void (await cipher.seal(tenants.slice(-1000).map(row))))).toEqual([0, 0])
    expect(await callsOf(async () => void (await cipher.seal([row('1')])))).toEqual([1, 0])
    expect(held()).toBeLessThanOrEqual(2000)
  })
})
