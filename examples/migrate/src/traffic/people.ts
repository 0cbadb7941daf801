import { createHash } from 'node:crypto'
import type { Patient } from '../application/patient.ts'

const first = ['Ada', 'Alan', 'Barbara', 'Claude', 'Donald', 'Edsger', 'Grace', 'Hedy', 'Joan', 'Katherine', 'Linus', 'Margaret']
const last = ['Lovelace', 'Turing', 'Liskov', 'Shannon', 'Knuth', 'Dijkstra', 'Hopper', 'Lamarr', 'Clarke', 'Johnson', 'Hamilton']
const complaints = [
  'Allergic to penicillin',
  'Prefers mornings',
  'Walks with a stick',
  'Needs an interpreter',
  'Afraid of needles',
]

/**
 * The n-th made-up patient, the same at every run. Every personal value has characters that no Base64 has, so that none can stand in ciphertext by
 * chance: the search for plaintext need not guess.
 */
export function person(n: number): Patient {
  const digest = createHash('sha256').update(`patient ${n}`).digest()
  const pick = <T>(from: readonly T[], at: number): T => from[digest.readUInt16BE(at) % from.length] as T
  const given = pick(first, 0)
  const family = pick(last, 2)
  return {
    id: uuid(digest.subarray(16)),
    // Written as people write them: found all the same, as `normalize` has `lowercase`.
    email: `${n % 3 === 0 ? given : given.toLowerCase()}.${family}.${n}@Example.org`,
    fullName: `${given} ${family}`,
    phone: n % 4 === 0 ? null : `+44 20 ${String(digest.readUInt32BE(4) % 10_000_000).padStart(7, '0')}`,
    birthDate: new Date(Date.UTC(1930 + (digest.readUInt8(8) % 40), digest.readUInt8(9) % 12, 1 + (digest.readUInt8(10) % 28)))
      .toISOString()
      .slice(0, 10),
    notes: n % 5 === 0 ? null : `${pick(complaints, 11)}, said ${family} on visit ${digest.readUInt16BE(13)}`,
    ward: `W${n % 20}`,
  }
}

function uuid(bytes: Buffer): string {
  const hex = Buffer.from(bytes)
  hex[6] = ((hex[6] ?? 0) & 0x0f) | 0x40
  hex[8] = ((hex[8] ?? 0) & 0x3f) | 0x80
  return hex
    .toString('hex')
    .slice(0, 32)
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
