/** Big-endian 32-bit count, as it precedes every list that enters an AAD or a MAC (`docs/format.md`, "Encodings"). */
export function u32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** `lp(x)`: the length of the text's UTF-8 in bytes, then those bytes. No two lists of such parts share an encoding. */
export function lp(text: string): Buffer {
  const length = Buffer.byteLength(text)
  const bytes = Buffer.allocUnsafe(4 + length)
  bytes.writeUInt32BE(length)
  bytes.write(text, 4)
  return bytes
}
