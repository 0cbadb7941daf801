import { EnvelopeError } from '../errors.ts'
import type { CallTime } from './call-time.ts'
import type { DataKey, EncryptionContext, KeyProvider } from './key-provider.ts'
import type { KeyCounters } from './key-stats.ts'
import { LoanedKey } from './loaned-key.ts'
import type { ProviderCall } from './policy/attempt.ts'
import { type KmsLimits, kmsLimits } from './policy/kms-limits.ts'
import { KmsPolicy } from './policy/kms-policy.ts'

/** AES-256. */
const KEY_LENGTH = 32

export interface GeneratedKey {
  readonly key: LoanedKey
  /** Base64. */
  readonly wrapped: string
}

/** The one place where providers are called: by the policy for failures ({@link KmsPolicy}), and what they return is checked. */
export interface KmsCalls {
  generateDataKey(provider: KeyProvider, context: EncryptionContext, time: CallTime): Promise<GeneratedKey>
  /** @returns base64 */
  wrap(provider: KeyProvider, plaintext: Uint8Array, context: EncryptionContext, time: CallTime): Promise<string>
  /** For providers that can. Counts as `wrap`. @returns base64 */
  rewrap(provider: KeyProvider, wrapped: Uint8Array, context: EncryptionContext, time: CallTime): Promise<string>
  unwrap(provider: KeyProvider, wrapped: Uint8Array, context: EncryptionContext, time: CallTime): Promise<LoanedKey>
}

export function createKmsCalls(counters: KeyCounters, limits: KmsLimits): KmsCalls {
  const policy = new KmsPolicy(limits, counters)

  async function wrapping(provider: KeyProvider, time: CallTime, call: ProviderCall<Uint8Array>): Promise<string> {
    const wrapped = await policy.call('wrap', provider, time, call, () => {})
    if (isWrapped(wrapped)) return base64(wrapped)
    throw brokenContract(provider, 'the wrapped form of a key')
  }

  return {
    async generateDataKey(provider, context, time) {
      const { plaintext, wrapped } = await policy.call<DataKey>(
        'generateDataKey',
        provider,
        time,
        (member, signal) => member.generateDataKey(context, { signal }),
        (late) => zero(late?.plaintext),
      )
      if (isKey(plaintext) && isWrapped(wrapped)) return { key: LoanedKey.own(plaintext), wrapped: base64(wrapped) }
      zero(plaintext)
      throw brokenContract(provider, 'a 32-byte key with its wrapped form')
    },
    wrap: (provider, plaintext, context, time) =>
      wrapping(provider, time, (member, signal) => member.wrap(plaintext, context, { signal })),
    rewrap: (provider, wrapped, context, time) =>
      wrapping(provider, time, (member, signal) => requireRewrap(member).call(member, wrapped, context, { signal })),
    async unwrap(provider, wrapped, context, time) {
      const plaintext = await policy.call<Uint8Array>(
        'unwrap',
        provider,
        time,
        (member, signal) => member.unwrap(wrapped, context, { signal }),
        zero,
      )
      if (isKey(plaintext)) return LoanedKey.own(plaintext)
      // The KMS key may serve other purposes too: somebody can have put another of its ciphertexts in the place of a wrapped key.
      zero(plaintext)
      throw new EnvelopeError('CANNOT_OPEN', `What key ${JSON.stringify(provider.name)} unwrapped is not a 32-byte key`)
    },
  }
}

/** {@link createKmsCalls} with the defaults of the policy. */
export function defaultKmsCalls(counters: KeyCounters, deadline: number): KmsCalls {
  return createKmsCalls(counters, kmsLimits({}, deadline))
}

function requireRewrap({ name, rewrap }: KeyProvider): NonNullable<KeyProvider['rewrap']> {
  if (rewrap !== undefined) return rewrap
  throw new EnvelopeError('UNSUPPORTED', `Key provider ${JSON.stringify(name)} does not wrap keys anew by itself`)
}

function isKey(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === KEY_LENGTH
}

function isWrapped(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length > 0
}

function zero(bytes: unknown): void {
  if (bytes instanceof Uint8Array) bytes.fill(0)
}

function brokenContract({ name }: KeyProvider, expected: string): EnvelopeError {
  return new EnvelopeError('CONFIG', `Key provider ${JSON.stringify(name)} did not return ${expected}; mend the provider`)
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
