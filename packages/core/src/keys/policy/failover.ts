import { EnvelopeError } from '../../errors.ts'
import type { EncryptionContext, KeyCallOptions, KeyProvider } from '../key-provider.ts'
import { isTransient } from './retry.ts'

const membersOfFailover = new WeakMap<KeyProvider, readonly KeyProvider[]>()

/**
 * Several providers of ONE key, in the order in which they are asked: a multi-Region key of AWS KMS in its Regions. What one of them wrapped, each must unwrap.
 *
 * The next one is asked, within the same deadline, where one is throttled, unavailable or late, or is left alone by its circuit breaker; never where it refuses. Keys that do
 * not unwrap each other's do not belong here: `multiKey` has every new key wrapped by each of them.
 *
 * @throws `CONFIG` where there are fewer than two, or where their names differ.
 */
export function failover(...providers: readonly KeyProvider[]): KeyProvider {
  const [first] = providers
  if (first === undefined || providers.length < 2) {
    throw new EnvelopeError('CONFIG', 'failover needs at least two key providers; give a single one as it is')
  }
  const stranger = providers.find((provider) => provider?.name !== first.name)
  if (stranger !== undefined) {
    throw new EnvelopeError(
      'CONFIG',
      `failover is for one key in several places, so that all its providers must have one name, not ${JSON.stringify(first.name)} and ${JSON.stringify(stranger?.name)}`,
    )
  }
  const composite: KeyProvider = Object.freeze({
    name: first.name,
    ...(providers.some(({ insecure }) => insecure) ? { insecure: true as const } : {}),
    generateDataKey: (context: EncryptionContext, options?: KeyCallOptions) =>
      inOrder(providers, (provider) => provider.generateDataKey(context, options)),
    wrap: (plaintext: Uint8Array, context: EncryptionContext, options?: KeyCallOptions) =>
      inOrder(providers, (provider) => provider.wrap(plaintext, context, options)),
    unwrap: (wrapped: Uint8Array, context: EncryptionContext, options?: KeyCallOptions) =>
      inOrder(providers, (provider) => provider.unwrap(wrapped, context, options)),
  })
  membersOfFailover.set(composite, Object.freeze(providers.flatMap(membersOf)))
  return composite
}

/** The providers to ask in turn; a provider that is not of {@link failover} is its only one. */
export function membersOf(provider: KeyProvider): readonly KeyProvider[] {
  return membersOfFailover.get(provider) ?? [provider]
}

/** For whoever calls the provider by itself, without the policy. */
async function inOrder<T>(providers: readonly KeyProvider[], call: (provider: KeyProvider) => Promise<T>): Promise<T> {
  let failure: unknown
  for (const provider of providers) {
    try {
      return await call(provider)
    } catch (error) {
      if (!isTransient(error)) throw error
      failure = error
    }
  }
  throw failure
}
