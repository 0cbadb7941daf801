import { EnvelopeError, type KeyProvider } from 'prisma-envelope/keys'
import { ensureKeyFile, readKeyFile } from './key-file.ts'
import { localProvider } from './local-provider.ts'

export type LocalKeysOptions = {
  /** Name of the key in the keyring, stored in every envelope: `[A-Za-z0-9._-]{1,32}`. Never change it. */
  readonly name: string
} & (
  | {
      /** A file of mode 0600 with 32 random bytes in base64. */
      readonly file: string
      /** Make the file where it is missing. Default false: a lost key must not look like a new one. */
      readonly create?: boolean
      readonly key?: never
    }
  | {
      /** 32 random bytes in base64, from the environment: `openssl rand -base64 32`. */
      readonly key: string
      readonly file?: never
      readonly create?: never
    }
)

/**
 * Keys wrapped by one key that lies beside the application. For development: there is no audit log, no access control and no
 * rotation, and whoever reads the key file and the database reads everything.
 *
 * @throws `CONFIG` where the file is missing, readable by others, or holds no key; never quotes what it found.
 */
export function localKeys(options: LocalKeysOptions): KeyProvider {
  if (options.file !== undefined && options.key !== undefined) {
    throw new EnvelopeError('CONFIG', 'localKeys takes either file or key; leave one out')
  }
  if (options.file === undefined) return localProvider(options.name, decode(options.key, 'key of localKeys'))
  if (options.create === true) ensureKeyFile(options.file)
  return localProvider(options.name, decode(readKeyFile(options.file), options.file))
}

function decode(text: string | undefined, source: string): Uint8Array {
  const base64 = typeof text === 'string' ? text.trim() : ''
  if (/^[A-Za-z0-9+/]{43}=$/.test(base64)) return new Uint8Array(Buffer.from(base64, 'base64'))
  throw new EnvelopeError('CONFIG', `${source} must be 32 bytes in base64; make them with: openssl rand -base64 32`)
}
