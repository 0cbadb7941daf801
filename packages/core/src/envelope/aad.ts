import { encodeContext } from '../keys/context.ts'
import type { EncryptionContext } from '../keys/key-provider.ts'
import type { BoundValue } from './contract.ts'
import { lp, u32 } from './length-prefix.ts'

const RECORD_LABEL = lp('prisma-envelope:v1:record')
const DEK_LABEL = lp('prisma-envelope:v1:dek')
const NOTHING = Buffer.alloc(0)
/** Lengths and counts are u32be. */
const COUNT_BYTES = 4
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
  let size = prefix.length + COUNT_BYTES
  for (const { column, value } of binding) {
    size += COUNT_BYTES + Buffer.byteLength(column) + 2 + (value === null ? 0 : COUNT_BYTES + Buffer.byteLength(value))
  }
  const bytes = Buffer.allocUnsafe(size)
  prefix.copy(bytes)
  let at = bytes.writeUInt32BE(binding.length, prefix.length)
  for (const { column, tag, value } of binding) {
    at = writeText(bytes, column, at)
    bytes[at] = tag.charCodeAt(0)
    bytes[at + 1] = value === null ? NULL : PRESENT
    at += 2
    if (value !== null) at = writeText(bytes, value, at)
  }
  return bytes
}

/** Bound values in their given order: for each its column, type tag, and value or null marker. */
export function encodeBinding(binding: readonly BoundValue[]): Buffer {
  return recordAad(NOTHING, binding)
}

/** With its count in front, which keeps the context from running into the binding that follows. */
function contextPart(context: EncryptionContext): Buffer {
  return Buffer.concat([u32(Object.keys(context).length), encodeContext(context)])
}

function writeText(bytes: Buffer, text: string, at: number): number {
  const length = bytes.write(text, at + 4)
  bytes.writeUInt32BE(length, at)
  return at + 4 + length
}
