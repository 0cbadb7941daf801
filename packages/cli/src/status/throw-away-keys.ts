import { randomBytes } from 'node:crypto'
import { createIndexKey, type KeyProvider } from 'prisma-envelope'
import { createKeyring, createKeys, type KeyService } from 'prisma-envelope/rows'

/** Bytes of a data key that AWS KMS wrapped. */
const WRAPPED_BYTES = 184

/** Keys for measuring: nothing that they seal is stored, and no KMS is asked. They protect nothing. */
export async function throwAwayKeys(): Promise<KeyService> {
  const known = new Map<string, Uint8Array>()
  const refuse = async (): Promise<never> => {
    throw new Error('keys for measuring wrap nothing')
  }
  const current: KeyProvider = {
    name: 'throw-away',
    async generateDataKey() {
      const [plaintext, wrapped] = [randomBytes(32), randomBytes(WRAPPED_BYTES)]
      known.set(wrapped.toString('base64'), Uint8Array.from(plaintext))
      return { plaintext, wrapped }
    },
    wrap: refuse,
    async unwrap(wrapped) {
      const key = known.get(Buffer.from(wrapped).toString('base64'))
      return key === undefined ? refuse() : Uint8Array.from(key)
    },
  }
  return createKeys({ keyring: createKeyring({ current }), indexKey: { current: await createIndexKey({ current }) } })
}
