import { encodeContext } from '../keys/context.ts'
import type { EncryptionContext } from '../keys/key-provider.ts'
import type { BoundValue } from './contract.ts'
import { lp, u32 } from './length-prefix.ts'

const RECORD_LABEL = lp('prisma-envelope:v1:record')
const DEK_LABEL = lp('prisma-envelope:v1:dek')
const NO_BINDING = u32(0)
const NULL = 0
const PRESENT = 1

/** AAD of a DEK wrapped by a branch key. */
export function dekAad(table: string, context: EncryptionContext): Buffer {
  return Buffer.concat([DEK_LABEL, lp(table), contextPart(context)])
}

/** What the AADs of all records of one table, field set and context have in common; {@link recordAad} completes it. */
export function recordAadPrefix(table: string, fs: string, context: EncryptionContext): Buffer {
  return Buffer.concat([RECORD_LABEL, lp(table), lp(fs), contextPart(context)])
}

/** AAD of a sealed record. */
export function recordAad(prefix: Buffer, binding: readonly BoundValue[]): Buffer {
  return Buffer.concat([prefix, encodeBinding(binding)])
}

/** With its count in front, which keeps the context from running into the binding that follows. */
function contextPart(context: EncryptionContext): Buffer {
  return Buffer.concat([u32(Object.keys(context).length), encodeContext(context)])
}

/** Bound values in their given order: for each its column, type tag, and value or null marker. */
export function encodeBinding(binding: readonly BoundValue[]): Buffer {
  if (binding.length === 0) return NO_BINDING
  let size = 4
  for (const { column, value } of binding) {
    size += 4 + Buffer.byteLength(column) + 2 + (value === null ? 0 : 4 + Buffer.byteLength(value))
  }
  const bytes = Buffer.allocUnsafe(size)
  let at = bytes.writeUInt32BE(binding.length)
  for (const { column, tag, value } of binding) {
    at = writeText(bytes, column, at)
    at = bytes.writeUInt8(tag.charCodeAt(0), at)
    at = bytes.writeUInt8(value === null ? NULL : PRESENT, at)
    if (value !== null) at = writeText(bytes, value, at)
  }
  return bytes
}

function writeText(bytes: Buffer, text: string, at: number): number {
  const length = bytes.write(text, at + 4)
  bytes.writeUInt32BE(length, at)
  return at + 4 + length
}
