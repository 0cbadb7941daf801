import { describe, expect, test } from 'vitest'
import { fakeKms } from '../../test/fake-kms.ts'
import { EnvelopeError } from '../errors.ts'
import { rowContext } from '../keys/context.ts'
import type { RowKeys } from '../keys/contract.ts'
import { createKeys, type KeyService } from '../keys/key-service.ts'
import { createKeyring } from '../keys/keyring.ts'
import type { KeysOptions } from '../keys/keys-options.ts'
import type { Envelope, RowCipher, RowToSeal } from './contract.ts'
import { createRowCipher } from './row-cipher.ts'

const patient = (n: number): RowToSeal => ({
  table: 'Patient',
  binding: [{ column: 'id', tag: 'i', value: String(n) }],
  record: { name: `Ada ${n}` },
})

interface Stand {
  readonly keys: KeyService
  readonly cipher: RowCipher
  readonly envelopes: readonly Envelope[]
  /** Codes of what did not open, names of what did. */
  readonly open: (...rows: (readonly [n: number, envelope?: Partial<Envelope>, table?: string])[]) => Promise<readonly unknown[]>
  readonly dek: (n: number) => string
  readonly rowKeys: () => RowKeys
  readonly kept: (...rows: number[]) => boolean[]
  /** Puts another key in the place of one that was kept: a row that is opened by it does not open. */
  readonly spoil: (n: number) => void
}

async function openStand(cache: KeysOptions['cache'] = {}): Promise<Stand> {
  const keys = createKeys({ keyring: createKeyring({ current: fakeKms() }), cache })
  const cipher = createRowCipher({ keys })
  const envelopes = await cipher.seal([0, 1, 2, 3, 4, 5, 6, 7].map(patient))
  const dek = (n: number): string => envelopes[n]?.dek ?? ''
  const rowKeys = (): RowKeys => {
    const [{ kid, wk }] = envelopes as [Envelope]
    const handle = keys.cached({ kid, wrapped: wk as string, context: rowContext('Patient') })
    if (handle?.rowKeys === undefined) throw new Error('the branch key is not in the cache')
    return handle.rowKeys
  }
  return {
    keys,
    cipher,
    envelopes,
    dek,
    rowKeys,
    kept: (...rows) => rows.map((n) => rowKeys().find(dek(n)) !== undefined),
    spoil: (n) => rowKeys().keep(dek(n), new Uint8Array(32)),
    async open(...rows) {
      const results = await cipher.open(
        rows.map(([n, changed, table]) => ({
          ...patient(n),
          ...(table && { table }),
          envelope: { ...envelopes[n], ...changed },
        })),
      )
      return results.map((result) => (result instanceof EnvelopeError ? result.code : result.record['name']))
    },
  }
}

describe('DEKs of rows', () => {
  test('are kept once their rows are open, and open them again', async () => {
    const { open, kept, spoil } = await openStand()
    expect(kept(0, 1)).toEqual([false, false])
    expect(await open([0], [1])).toEqual(['Ada 0', 'Ada 1'])
    expect(kept(0, 1, 2)).toEqual([true, true, false])
    expect(await open([0], [1], [2])).toEqual(['Ada 0', 'Ada 1', 'Ada 2'])
    spoil(1)
    expect(await open([0], [1], [2])).toEqual(['Ada 0', 'CANNOT_OPEN', 'Ada 2'])
  })

  test('are not kept where the row does not open', async () => {
    const { open, envelopes, kept, rowKeys, dek } = await openStand()
    const altered = `${dek(0).startsWith('A') ? 'B' : 'A'}${dek(0).slice(1)}`
    expect(await open([0, { ct: envelopes[1]?.ct ?? '' }], [2, { dek: altered }])).toEqual(['CANNOT_OPEN', 'CANNOT_OPEN'])
    expect(kept(0, 2)).toEqual([false, false])
    expect(rowKeys().find(altered)).toBeUndefined()
  })

  test('open nothing that they would not open if they were unwrapped', async () => {
    const { open, envelopes, dek } = await openStand()
    expect(await open([0], [1])).toEqual(['Ada 0', 'Ada 1'])
    expect(
      await open(
        [0, {}, 'Doctor'],
        [0, { ctx: { tenant: '1' } }],
        [0, { dek: dek(1) }],
        [0, { ct: envelopes[1]?.ct ?? '' }],
        [0, { dek: dek(1), ct: envelopes[1]?.ct ?? '' }],
        [0],
      ),
    ).toEqual(['CANNOT_OPEN', 'CANNOT_OPEN', 'CANNOT_OPEN', 'CANNOT_OPEN', 'CANNOT_OPEN', 'Ada 0'])
  })

  test('are left alone by an operation of more rows than are kept', async () => {
    const { open, kept, spoil } = await openStand({ maxEntries: 2 })
    await open([0], [1])
    await open([2], [3], [4])
    expect(kept(0, 1, 2, 3, 4)).toEqual([true, true, false, false, false])
    spoil(1)
    expect(await open([0], [1], [2])).toEqual(['Ada 0', 'Ada 1', 'Ada 2'])
  })

  test('push out nothing that the same operation is about to find', async () => {
    const { open, kept, spoil } = await openStand({ maxEntries: 3 })
    await open([0], [1], [2])
    await open([3])
    expect(kept(0)).toEqual([false])
    spoil(1)
    spoil(2)
    expect(await open([0], [1], [2])).toEqual(['Ada 0', 'CANNOT_OPEN', 'CANNOT_OPEN'])
    expect(kept(0, 1, 2, 3)).toEqual([true, true, true, false])
  })

  test('are not kept with maxEntries 0', async () => {
    const { open, keys } = await openStand({ maxEntries: 0 })
    expect(await open([0], [1])).toEqual(['Ada 0', 'Ada 1'])
    expect(await open([0], [1])).toEqual(['Ada 0', 'Ada 1'])
    expect(keys.stats.kmsCalls.unwrap).toBe(2)
  })

  test('are unwrapped again once their branch key has left the cache', async () => {
    const { open, cipher, keys, kept } = await openStand({ maxEntries: 1 })
    await open([0])
    expect(kept(0)).toEqual([true])
    await cipher.open([
      { ...patient(9), table: 'Doctor', envelope: (await cipher.seal([{ ...patient(9), table: 'Doctor' }]))[0] },
    ])
    expect(await open([0])).toEqual(['Ada 0'])
    expect(keys.stats.kmsCalls.unwrap).toBe(1)
  })
})
