/**
 * Decodes standard base64 with padding, and nothing else. Node's decoder also takes the URL alphabet, white space, missing padding and stray bits in
 * the last character; an envelope has one spelling only, so whatever does not encode back to the very same text is refused.
 */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}
