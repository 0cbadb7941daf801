import { insecureTestKeys } from '@prisma-envelope/kms/local'
import { createRowCipher, type RowToOpen, type RowToSeal } from 'prisma-envelope/rows'
import { createKeyring, createKeys, type KeyProvider, type KeysOptions } from '../../../packages/core/dist/keys/index.js'
import { memoryKeyStore } from '../../../packages/core/test/memory-key-store.ts'

const ROWS = 100_000
const PROCESSES = 8
const DAYS = 30
const DAY = 86_400_000
/** Milliseconds; a hundred thousand calls of one operation take a while. */
const PATIENT = 600_000

export interface KeyStoreFigures {
  /** Four fields of 32 bytes. */
  readonly keyStoreEnvelopeBytes: number
  /** KMS calls of a cold read of 100,000 rows that 8 processes wrote on 30 days, by how their keys are kept. */
  readonly coldRead100k: Readonly<Record<'inline' | 'keyStore' | 'direct', number>>
}

/** Counts at the border where a KMS would be asked; what a call costs is not measured here. */
export async function countKeyStore(): Promise<KeyStoreFigures> {
  return {
    keyStoreEnvelopeBytes: await weighEnvelope(),
    coldRead100k: { inline: await coldRead('branch'), keyStore: await coldRead('stored'), direct: await coldRead('direct') },
  }
}

async function coldRead(mode: 'branch' | 'stored' | 'direct'): Promise<number> {
  let time = 0
  const { provider, calls } = counted()
  const shared: KeysOptions = {
    keyring: createKeyring({ current: provider }),
    mode,
    deadline: PATIENT,
    now: () => time,
    wallClock: () => time,
    ...(mode === 'stored' && { keyStore: memoryKeyStore() }),
  }
  const writers = Array.from({ length: PROCESSES }, () => createRowCipher({ keys: createKeys(shared) }))
  const written: RowToOpen[] = []
  for (let batch = 0; batch < PROCESSES * DAYS; batch++) {
    time = Math.floor(batch / PROCESSES) * DAY
    const rows = Array.from({ length: share(batch, PROCESSES * DAYS) }, (_, i) => rowAt(`${batch}-${i}`))
    const envelopes = (await writers[batch % PROCESSES]?.seal(rows)) ?? []
    rows.forEach(({ table, binding }, i) => written.push({ table, binding, envelope: envelopes[i] }))
  }
  const before = calls()
  const opened = await createRowCipher({ keys: createKeys(shared) }).open(written)
  const failed = opened.filter((row) => !('record' in row)).length
  if (opened.length !== ROWS || failed > 0) throw new Error(`${failed} of ${opened.length} rows did not open`)
  return calls() - before
}

/** Rows of one of `batches` batches, which together hold all. */
function share(batch: number, batches: number): number {
  return Math.floor(((batch + 1) * ROWS) / batches) - Math.floor((batch * ROWS) / batches)
}

async function weighEnvelope(): Promise<number> {
  const { provider } = counted()
  const keys = createKeys({ keyring: createKeyring({ current: provider }), mode: 'stored', keyStore: memoryKeyStore() })
  const value = 'x'.repeat(32)
  const row = { ...rowAt('0'), record: { email: value, fullName: value, phone: value, street: value } }
  const [envelope] = await createRowCipher({ keys }).seal([row])
  return Buffer.byteLength(JSON.stringify(envelope))
}

function rowAt(id: string): RowToSeal {
  return { table: 'Patient', binding: [{ column: 'id', tag: 's', value: id }], record: { name: 'x' } }
}

function counted(): { readonly provider: KeyProvider; readonly calls: () => number } {
  const inner = insecureTestKeys({ name: 'pii' })
  let calls = 0
  const count = <Args extends readonly unknown[], T>(method: (...args: Args) => T) => {
    return (...args: Args): T => {
      calls++
      return method(...args)
    }
  }
  return {
    calls: () => calls,
    provider: {
      name: inner.name,
      insecure: true,
      generateDataKey: count(inner.generateDataKey),
      wrap: count(inner.wrap),
      unwrap: count(inner.unwrap),
    },
  }
}
