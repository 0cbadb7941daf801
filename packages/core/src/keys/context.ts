import { EnvelopeError } from '../errors.ts'
import type { EncryptionContext } from './key-provider.ts'

/** `aws:` is AWS KMS's own (kms/latest/developerguide, "Encryption context"); the other is ours. */
const RESERVED = /^(prisma-envelope|aws:)/i

/** The KMS encryption context of index keys. They serve all tables, so it names none. */
export const indexContext: EncryptionContext = Object.freeze({
  'prisma-envelope:format': 'v1',
  'prisma-envelope:purpose': 'index',
})

const FORMAT = 'prisma-envelope:format'
const TABLE = 'prisma-envelope:table'

/**
 * The KMS encryption context of a table's rows.
 *
 * @param table table identity.
 * @param userContext goes to the KMS, and into its log, in the clear: never PII.
 * @throws `CONFIG` if `userContext` uses a reserved name or is not text.
 */
export function rowContext(table: string, userContext: EncryptionContext = {}): EncryptionContext {
  for (const [name, value] of Object.entries(userContext)) {
    if (RESERVED.test(name)) {
      throw new EnvelopeError(
        'CONFIG',
        'A context name that begins with "prisma-envelope" or "aws:" is reserved; choose another name',
      )
    }
    requireText(name)
    requireText(value)
  }
  // A spread defines `__proto__` as a property of its own; an assignment would drop it from the context.
  return Object.freeze({ [FORMAT]: 'v1', [TABLE]: table, ...userContext })
}

/** What {@link rowContext} was called with. */
export function partsOfRowContext(context: EncryptionContext): {
  readonly table: string
  readonly userContext: EncryptionContext
} {
  const { [FORMAT]: _format, [TABLE]: table = '', ...userContext } = context
  return { table, userContext }
}

/**
 * A context in canonical form: for each entry, sorted bytewise by name, u32be(length) ‖ name ‖ u32be(length) ‖ value in UTF-8.
 *
 * @throws `CONFIG` if a name or a value is not text.
 */
export function encodeContext(context: EncryptionContext): Buffer {
  const entries = Object.entries(context).map(([name, value]) => [utf8(name), utf8(value)] as const)
  entries.sort(([a], [b]) => a.compare(b))
  return Buffer.concat(entries.flatMap(([name, value]) => [u32be(name.length), name, u32be(value.length), value]))
}

/** Whether two contexts have the same entries, in whatever order. */
export function sameContext(a: EncryptionContext, b: EncryptionContext): boolean {
  if (a === b) return true
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && a[name] === b[name])
}

function utf8(text: string): Buffer {
  requireText(text)
  return Buffer.from(text, 'utf8')
}

/** UTF-8 encodes every lone surrogate as U+FFFD: two contexts would become one. */
function requireText(value: unknown): void {
  if (typeof value !== 'string' || /\p{Surrogate}/u.test(value)) {
    throw new EnvelopeError('CONFIG', 'Names and values of a context must be well-formed strings')
  }
}

function u32be(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(value)
  return bytes
}
