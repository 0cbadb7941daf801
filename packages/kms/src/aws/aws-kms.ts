import { DecryptCommand, EncryptCommand, GenerateDataKeyCommand, type KMSClient } from '@aws-sdk/client-kms'
import { type EncryptionContext, EnvelopeError, type KeyCallOptions, type KeyProvider } from 'prisma-envelope/keys'
import { checkedName } from '../key-name.ts'
import { asEnvelopeError, isClockSkew } from './aws-error.ts'
import { createClient, type OwnClientOptions } from './client.ts'
import { dropIdleConnections, isConnectionLoss } from './idle-connections.ts'
import { idOfArn, parseKeyReference } from './key-reference.ts'
import { decodeWrappedKey, encodeWrappedKey } from './wrapped-key.ts'

interface KeyOptions {
  /** Name of the key in the keyring, stored in every envelope: `[A-Za-z0-9._-]{1,32}`. Never change it. */
  readonly name: string
  /**
   * Key id, key ARN, alias name (`alias/app-pii`) or alias ARN. An alias may be re-pointed: new rows take its new key, old rows open
   * under the key that wrapped them. A key id or key ARN means that one key.
   */
  readonly keyId: string
}

/**
 * Either a client of one's own, whose region, timeouts and retries then hold (give it `maxAttempts: 1`: prisma-envelope tries again by its
 * own policy, and counts each attempt), or options for one that `awsKms` makes.
 */
export type AwsKmsOptions = KeyOptions &
  (
    | ({ readonly client: KMSClient } & { readonly [Option in keyof OwnClientOptions]?: never })
    | ({ readonly client?: never } & OwnClientOptions)
  )

const KEY_LENGTH = 32
/** Limit of `Plaintext` in the AWS KMS API Reference, Encrypt. */
const MAX_PLAINTEXT = 4096

/**
 * Keys wrapped by AWS KMS. The credentials need `kms:GenerateDataKey` to seal, `kms:Decrypt` to open, `kms:Encrypt` to rewrap.
 *
 * @throws `CONFIG` for options that can't work. The methods throw as `KeyProvider` says; `cause` is a copy of AWS's error.
 */
export function awsKms(options: AwsKmsOptions): KeyProvider {
  const name = checkedName(options.name)
  const key = parseKeyReference(options.keyId)
  const client = options.client === undefined ? createClient(options) : injected(options.client, options)

  return Object.freeze({
    name,

    async generateDataKey(context: EncryptionContext, { signal }: KeyCallOptions = {}) {
      const output = await send(client, signal, (abort) =>
        client.send(
          new GenerateDataKeyCommand({ KeyId: key.keyId, KeySpec: 'AES_256', EncryptionContext: { ...context } }),
          abort,
        ),
      )
      const plaintext = ownBytes(output.Plaintext)
      try {
        if (plaintext.length !== KEY_LENGTH) throw unexpectedAnswer()
        return { plaintext, wrapped: wrappedBy(output.KeyId, output.CiphertextBlob) }
      } catch (error) {
        plaintext.fill(0)
        throw error
      }
    },

    async wrap(plaintext: Uint8Array, context: EncryptionContext, { signal }: KeyCallOptions = {}) {
      if (plaintext.length === 0 || plaintext.length > MAX_PLAINTEXT) {
        throw new EnvelopeError('CONFIG', `AWS KMS wraps 1 to ${MAX_PLAINTEXT} bytes; wrap a key, and encrypt the data with it`)
      }
      const output = await send(client, signal, (abort) =>
        client.send(new EncryptCommand({ KeyId: key.keyId, Plaintext: plaintext, EncryptionContext: { ...context } }), abort),
      )
      return wrappedBy(output.KeyId, output.CiphertextBlob)
    },

    async unwrap(wrapped: Uint8Array, context: EncryptionContext, { signal }: KeyCallOptions = {}) {
      const { keyId, blob } = decodeWrappedKey(wrapped)
      const decryptKeyId = key.forDecrypt(keyId)
      if (decryptKeyId === undefined) {
        throw new EnvelopeError(
          'KEY_UNKNOWN',
          `The wrapped key belongs to another KMS key than the one of ${JSON.stringify(name)}; add that key to the keyring, or configure the alias`,
        )
      }
      const output = await send(client, signal, (abort) =>
        client.send(new DecryptCommand({ KeyId: decryptKeyId, CiphertextBlob: blob, EncryptionContext: { ...context } }), abort),
      )
      const plaintext = ownBytes(output.Plaintext)
      if (plaintext.length > 0 && idOfArn(output.KeyId) === keyId) return plaintext
      plaintext.fill(0)
      throw unexpectedAnswer()
    },
  })
}

/** One call, which ends when `signal` says so, whatever the SDK is waiting for: a socket, a back-off or credentials. */
async function send<Output>(
  client: KMSClient,
  signal: AbortSignal | undefined,
  call: (options: { abortSignal?: AbortSignal }) => Promise<Output>,
): Promise<Output> {
  const fail = (error: unknown): EnvelopeError => {
    if (isConnectionLoss(error)) dropIdleConnections(client)
    return asEnvelopeError(error, signal?.aborted === true)
  }
  if (signal === undefined) return underRightClock(() => call({})).catch((error: unknown) => Promise.reject(fail(error)))
  let stopWaiting = (): void => {}
  const aborted = new Promise<never>((_, reject) => {
    const abort = (): void => reject(asEnvelopeError(signal.reason, true))
    signal.addEventListener('abort', abort, { once: true })
    stopWaiting = () => signal.removeEventListener('abort', abort)
    if (signal.aborted) abort()
  })
  try {
    return await Promise.race([signal.aborted ? aborted : underRightClock(() => call({ abortSignal: signal })), aborted])
  } catch (error) {
    throw fail(error)
  } finally {
    stopWaiting()
  }
}

/** After the machine's clock was set, AWS refuses a signature by the old one; by the answer the SDK learns the time, and the next call is right. */
async function underRightClock<Output>(call: () => Promise<Output>): Promise<Output> {
  try {
    return await call()
  } catch (error) {
    if (!isClockSkew(error)) throw error
    return call()
  }
}

function injected(client: KMSClient, options: AwsKmsOptions): KMSClient {
  const known = new Set(['name', 'keyId', 'client'])
  const extra = Object.keys(options).find((option) => !known.has(option) && Reflect.get(options, option) !== undefined)
  if (extra === undefined) return client
  throw new EnvelopeError('CONFIG', `awsKms: give ${extra} to the client itself, or leave out client`)
}

function wrappedBy(keyArn: string | undefined, blob: Uint8Array | undefined): Uint8Array {
  const keyId = idOfArn(keyArn)
  if (keyId === undefined || blob === undefined || blob.length === 0) throw unexpectedAnswer()
  return encodeWrappedKey({ keyId, blob })
}

/**
 * Into memory of their own: the SDK's bytes can be a view on Node's shared pool. V8 keeps arrays of up to 64 bytes in its own heap, where a garbage
 * collection moves them and leaves copies behind that nobody can zero; a buffer that is made first is not moved.
 */
function ownBytes(bytes: Uint8Array | undefined): Uint8Array {
  const own = new Uint8Array(new ArrayBuffer(bytes?.length ?? 0))
  if (bytes !== undefined) {
    own.set(bytes)
    bytes.fill(0)
  }
  return own
}

function unexpectedAnswer(): EnvelopeError {
  return new EnvelopeError(
    'UNAVAILABLE',
    'AWS KMS answered without the key that was asked for; check that the endpoint is AWS KMS or fully compatible',
  )
}
