import { EnvelopeError } from '../errors.ts'
import type { KeyProvider } from './key-provider.ts'

/** `keys` of the options. */
export interface KeyringOptions {
  /** Seals new rows. */
  readonly current: KeyProvider
  /** Open rows too: the keys of the past, and the next one before it is promoted to `current`. */
  readonly others?: readonly KeyProvider[]
  /** Of `current` and `others`, in this order, the last one whose rows may be opened; those that stand after it are retired. */
  readonly minimumKey?: string | undefined
}

/** The KMS keys that may open rows, by name. */
export interface Keyring {
  readonly current: KeyProvider
  readonly names: readonly string[]
  /** Names of those that seal and open rows: all but the retired ones. */
  readonly active: readonly string[]
  /** @throws `KEY_UNKNOWN` */
  provider(kid: string): KeyProvider
  /** @throws `KEY_UNKNOWN`, `KEY_RETIRED` */
  providerOfRows(kid: string): KeyProvider
}

/** As `kid` in every envelope. */
const NAME = /^[A-Za-z0-9._-]{1,32}$/

const METHODS = ['generateDataKey', 'wrap', 'unwrap'] as const

/**
 * @throws `CONFIG` if a provider lacks a method, if `minimumKey` names none, if a name is malformed or taken twice, or if an insecure provider stands under
 * `NODE_ENV=production` or beside a secure one.
 */
export function createKeyring({ current, others = [], minimumKey }: KeyringOptions): Keyring {
  const providers = new Map<string, KeyProvider>()
  for (const provider of [current, ...others]) {
    requireProvider(provider)
    if (providers.has(provider.name)) {
      throw new EnvelopeError('CONFIG', `Two key providers in keys are named "${provider.name}"; names must differ`)
    }
    providers.set(provider.name, provider)
  }
  refuseInsecure([...providers.values()])

  const names = Object.freeze([...providers.keys()])
  const active = Object.freeze(minimumKey === undefined ? names : upTo(minimumKey, names))

  function provider(kid: string): KeyProvider {
    const found = providers.get(kid)
    if (found !== undefined) return found
    // `kid` may come from the database: anything could stand there.
    const name = NAME.test(kid) ? `"${kid}"` : 'that a row asks for'
    throw new EnvelopeError(
      'KEY_UNKNOWN',
      `The key ${name} is not in the keyring; add its provider to keys.others to read rows sealed under it`,
    )
  }

  function providerOfRows(kid: string): KeyProvider {
    const found = provider(kid)
    if (active.includes(kid)) return found
    throw new EnvelopeError(
      'KEY_RETIRED',
      `The key "${kid}" is retired, as it stands after minimumKey ("${minimumKey}"): move its rows with prisma-envelope-cli rotate`,
    )
  }

  return Object.freeze({ current, names, active, provider, providerOfRows })
}

function upTo(minimumKey: string, names: readonly string[]): readonly string[] {
  const last = names.indexOf(minimumKey)
  if (last >= 0) return names.slice(0, last + 1)
  throw new EnvelopeError('CONFIG', `minimumKey must be the name of a key in keys (${names.join(', ')})`)
}

function requireProvider(provider: KeyProvider): void {
  const { name } = provider ?? {}
  if (!METHODS.every((method) => typeof provider?.[method] === 'function')) {
    throw new EnvelopeError('CONFIG', 'keys.current and keys.others must hold key providers, such as awsKms({ … }) returns')
  }
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw new EnvelopeError(
      'CONFIG',
      `A key provider's name must be 1 to 32 characters of A–Z, a–z, 0–9, ".", "_" and "-", not ${JSON.stringify(name)}`,
    )
  }
}

function refuseInsecure(providers: readonly KeyProvider[]): void {
  const insecure = providers.find((provider) => provider.insecure)
  if (insecure === undefined) return
  if (process.env['NODE_ENV'] === 'production') {
    throw new EnvelopeError(
      'CONFIG',
      `The key provider "${insecure.name}" protects nothing and is refused under NODE_ENV=production; use a KMS`,
    )
  }
  if (providers.some((provider) => !provider.insecure)) {
    throw new EnvelopeError(
      'CONFIG',
      `The key provider "${insecure.name}" protects nothing and must not stand beside a real one; remove it from keys`,
    )
  }
}
