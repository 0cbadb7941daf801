import { describe, expect, it } from 'vitest'
import { type FakeKms, fakeKms } from '../../test/fake-kms.ts'
import { memoryKeyStore } from '../../test/memory-key-store.ts'
import { EnvelopeError } from '../errors.ts'
import { rowContext } from './context.ts'
import type { KeyToUnwrap } from './contract.ts'
import { createKeys } from './key-service.ts'
import type { KeyStore } from './key-store.ts'
import { createKeyring } from './keyring.ts'
import type { KeysOptions } from './keys-options.ts'

const context = rowContext('Patient')
const DAY = 86_400_000
const DAYS = 30
const ROWS = 100_000
const PROCESSES = 8
const PAGE = 1000

/** Processes that write rows in turn, at even intervals over the days. */
async function written(
  kms: FakeKms,
  mode: NonNullable<KeysOptions['mode']>,
  keyStore?: KeyStore,
): Promise<readonly KeyToUnwrap[]> {
  let time = 0
  const clock = () => time
  const start = () => createKeys({ keyring: createKeyring({ current: kms }), mode, keyStore, now: clock, wallClock: clock })
  const processes = Array.from({ length: PROCESSES }, start)
  const rows: KeyToUnwrap[] = []
  for (let row = 0; row < ROWS; row++) {
    time = (row * DAYS * DAY) / ROWS
    const [sealing] = (await processes[row % PROCESSES]?.forSealing({ context }, 1)) ?? []
    if (sealing === undefined) throw new Error('no key')
    sealing.key.release()
    const { kid, wrapped, stored } = sealing
    rows.push(stored === undefined ? { kid, wrapped, context } : { kid: '', wrapped: '', context, stored })
  }
  return rows
}

/** Reads all rows, a page at a time, in a process that knows no key yet. */
async function readCold(kms: FakeKms, rows: readonly KeyToUnwrap[], keyStore?: KeyStore): Promise<number> {
  const keys = createKeys({ keyring: createKeyring({ current: kms }), keyStore, now: () => 0 })
  for (let page = 0; page < rows.length; page += PAGE) {
    for (const opened of await keys.forOpening(rows.slice(page, page + PAGE))) {
      if (opened instanceof EnvelopeError) throw opened
      opened.release()
    }
  }
  return keys.stats.kmsCalls.unwrap
}

describe(`the KMS calls of ${ROWS.toLocaleString('en')} rows that ${PROCESSES} processes write in ${DAYS} days`, () => {
  it('are one for two rows under inline branch keys: a process writes a row in 207 s, and its key serves for 300', async () => {
    const kms = fakeKms()
    const rows = await written(kms, 'branch')
    expect(kms.calls.generateDataKey).toBe(ROWS / 2)
    expect(await readCold(kms, rows)).toBe(ROWS / 2)
  }, 120_000)

  it('are one where their keys are in a key store', async () => {
    const kms = fakeKms()
    const store = memoryKeyStore()
    const rows = await written(kms, 'stored', store)
    expect(kms.calls.generateDataKey).toBe(1)
    expect(await readCold(kms, rows, store)).toBe(1)
  }, 120_000)

  it('are one for each row in direct mode', async () => {
    const kms = fakeKms()
    const rows = await written(kms, 'direct')
    expect(kms.calls.generateDataKey).toBe(ROWS)
    expect(await readCold(kms, rows)).toBe(ROWS)
  }, 120_000)
})
