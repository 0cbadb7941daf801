import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto'
import { createRowCipher, type RowToSeal } from '../../../packages/core/dist/envelope/index.js'
import { createKeyring, createKeys, type KeyProvider } from '../../../packages/core/dist/keys/index.js'
import { row } from './rows.ts'
import { median, rounded, shuffled } from './side-by-side.ts'

/** Microseconds a row, beside what `node:crypto` alone takes for the same bytes. */
export interface Price {
  readonly us: number
  readonly bareUs: number
}

const ROWS = 1000
const ROUNDS = 40

/** Prices sealing and opening a row of four Strings of 32 characters in branch mode, its branch key at hand. */
export async function priceSealing(provider: KeyProvider): Promise<{ seal: Price; open: Price; envelopeBytes: number }> {
  const keys = createKeys({ keyring: createKeyring({ current: provider }), branch: { maxRows: 1_000_000 } })
  const cipher = createRowCipher({ keys })
  const toSeal: RowToSeal[] = Array.from({ length: ROWS }, (_, i) => {
    const { name, email, phone, street } = row(i)
    const value = `952f3c1b-73c2-48e1-ad25-${String(i).padStart(12, '0')}`
    return { table: 'Sealed', binding: [{ column: 'id', tag: 's', value }], record: { name, email, phone, street } }
  })
  const envelopes = await cipher.seal(toSeal)
  const toOpen = toSeal.map(({ table, binding }, i) => ({ table, binding, envelope: envelopes[i] }))
  const [first] = envelopes
  if (first === undefined) throw new Error('nothing was sealed')
  const bare = bareCrypto(Buffer.from(first.ct, 'base64').length - 28)

  const times = { seal: [] as number[], open: [] as number[], bareSeal: [] as number[], bareOpen: [] as number[] }
  const tasks = {
    seal: () => cipher.seal(toSeal),
    open: () => cipher.open(toOpen),
    bareSeal: async () => bare.seal(ROWS),
    bareOpen: async () => bare.open(ROWS),
  }
  for (let round = -3; round < ROUNDS; round++) {
    for (const name of shuffled(['seal', 'open', 'bareSeal', 'bareOpen'] as const)) {
      const start = performance.now()
      await tasks[name]()
      if (round >= 0) times[name].push(((performance.now() - start) * 1000) / ROWS)
    }
  }
  return {
    seal: { us: rounded(median(times.seal)), bareUs: rounded(median(times.bareSeal)) },
    open: { us: rounded(median(times.open)), bareUs: rounded(median(times.bareOpen)) },
    envelopeBytes: Buffer.byteLength(JSON.stringify(first)),
  }
}

/** The two AES-256-GCM operations of a row: its DEK under the branch key, its record under the DEK. A row that was read before needs only the second. */
export function bareCrypto(recordBytes: number) {
  const [branchKey, dek] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  const [record, aad] = [Buffer.alloc(recordBytes, 'x'), Buffer.alloc(100, 'a')]
  const fixed = Buffer.alloc(12)
  const fresh = Buffer.alloc(12)
  const encrypt = (key: Buffer, plaintext: Buffer, nonce: Buffer) => {
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 })
    cipher.setAAD(aad)
    const bytes = cipher.update(plaintext)
    cipher.final()
    return { bytes, tag: cipher.getAuthTag() }
  }
  const decrypt = (key: Buffer, { bytes, tag }: ReturnType<typeof encrypt>) => {
    const decipher = createDecipheriv('aes-256-gcm', key, fixed, { authTagLength: 16 })
    decipher.setAAD(aad)
    decipher.setAuthTag(tag)
    decipher.update(bytes)
    decipher.final()
  }
  const wrapped = encrypt(branchKey, dek, fixed)
  const sealed = encrypt(dek, record, fixed)
  return {
    seal(count: number): void {
      for (let i = 0; i < count; i++) {
        randomFillSync(fresh)
        encrypt(branchKey, dek, fresh)
        encrypt(dek, record, fresh)
      }
    },
    open(count: number): void {
      for (let i = 0; i < count; i++) {
        decrypt(branchKey, wrapped)
        decrypt(dek, sealed)
      }
    },
  }
}
