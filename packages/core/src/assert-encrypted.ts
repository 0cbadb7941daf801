import { EnvelopeError } from './errors.ts'
import type { ManualEnvelope } from './rewrite/manual.ts'

/**
 * `$envelope` of every client that was extended, and the models whose fields it writes in the clear. A client keeps it when it is extended further, and in
 * interactive transactions; nobody else can make one, so that a client which merely has a property of this name does not pass.
 */
const genuine = new WeakMap<object, readonly string[]>()

/** @param plain `Model.field` of each field in mode `plain` */
export function asGenuine($envelope: ManualEnvelope, plain: readonly string[]): ManualEnvelope {
  genuine.set($envelope, plain)
  return $envelope
}

/**
 * Wants a client that encrypts. `$extends` changes no client, it returns another one: whoever forgets what it returned goes on with a client that
 * writes plaintext, and nothing about that client can tell. Call this once where the application starts, on the very object that the rest of it uses.
 *
 * @param client what `$extends(envelopeEncryption(…))` returned, the same extended further, or the client of an interactive transaction of either.
 * @param options `allowPlain`: an extended client passes that writes fields in the clear, because their mode is `plain`.
 * @throws EnvelopeError `CONFIG`
 */
export function assertEncrypted<Client>(
  client: Client,
  options: { readonly allowPlain?: boolean } = {},
): asserts client is Client & { readonly $envelope: ManualEnvelope } {
  const held: unknown = typeof client === 'object' && client !== null ? Reflect.get(client, '$envelope') : undefined
  const plain = typeof held === 'function' ? genuine.get(held) : undefined
  if (plain !== undefined && (plain.length === 0 || options.allowPlain === true)) return
  if (plain !== undefined) {
    throw new EnvelopeError(
      'CONFIG',
      `this client writes plaintext, as the mode of ${plain.join(', ')} is \`plain\`: pass \`{ allowPlain: true }\` for as long as that is meant`,
    )
  }
  throw new EnvelopeError(
    'CONFIG',
    'this client does not encrypt: use what `$extends(envelopeEncryption(…))` returns, not the client that it was called on; ' +
      'a class that extends PrismaClient has to return it from its constructor',
  )
}
