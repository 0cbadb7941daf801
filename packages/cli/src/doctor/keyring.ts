import { randomBytes } from 'node:crypto'
import { createKeyring, createKeys, EnvelopeError, type KeyProvider, rowContext } from 'prisma-envelope/rows'
import type { CliConfig } from '../config/config.ts'
import type { Diagnosis } from './diagnosis.ts'
import type { WrappedKey } from './stored-keys.ts'

/** Of no table: what is wrapped to try a key is of no use to anybody. */
const TRIAL = rowContext('prisma-envelope-doctor')

const DEFAULT_DEADLINE = 5000

type Method = 'generateDataKey' | 'wrap' | 'unwrap'

/** What each method is needed for. */
const NEED: Readonly<Record<Method, string>> = {
  generateDataKey: 'to seal new rows',
  wrap: 'to move rows to this key by `rotate --rewrap`',
  unwrap: 'to open rows',
}

const REMEDIES: Readonly<Record<string, string>> = {
  ACCESS_DENIED: 'allow it in the key policy or to the role, as far as these credentials need it',
  KEY_DISABLED: 'enable the key, or cancel its deletion: rows under it do not open',
  KEY_UNKNOWN: 'check key id, account and Region of its provider',
  THROTTLED: 'try again later; see the quota of your account',
  UNAVAILABLE: 'try again once the KMS answers',
  TIMEOUT: 'try again once the KMS answers, or raise `deadline`',
}

/** Tries each key for what it is needed for; `wrappedOf` finds a row's key, as what a key of the past wrapped is in the database alone. */
export async function keyringFindings(
  { keys, deadline = DEFAULT_DEADLINE }: CliConfig,
  wrappedOf: (kid: string) => Promise<WrappedKey | undefined>,
): Promise<readonly Diagnosis[]> {
  const findings: Diagnosis[] = []
  const others = keys.others ?? []
  for (const provider of [keys.current, ...others]) {
    const isCurrent = provider === keys.current
    const wrapped = await wrappedOf(provider.name)
    const trial = isCurrent || wrapped === undefined ? await trialOf(provider, deadline, isCurrent) : []
    findings.push(...trial)
    if (wrapped === undefined || trial.some(({ severity }) => severity === 'error')) continue
    const bytes = Buffer.from(wrapped.wrapped, 'base64')
    findings.push(
      ...(await attempt(provider, 'unwrap', 'error', deadline, (signal) => provider.unwrap(bytes, wrapped.context, { signal }))),
    )
  }
  return findings
}

/** Generates a key and unwraps it again; also wraps one, where the key is the current one. */
async function trialOf(provider: KeyProvider, deadline: number, isCurrent: boolean): Promise<readonly Diagnosis[]> {
  // A key of the past need not seal; the next one has no rows yet that could be tried.
  const severity = isCurrent ? 'error' : 'warning'
  const findings: Diagnosis[] = []
  let wrapped: Uint8Array | undefined
  findings.push(
    ...(await attempt(provider, 'generateDataKey', severity, deadline, async (signal) => {
      const generated = await provider.generateDataKey(TRIAL, { signal })
      ;({ wrapped } = generated)
      return generated.plaintext
    })),
  )
  if (wrapped !== undefined) {
    const bytes = wrapped
    findings.push(
      ...(await attempt(provider, 'unwrap', 'error', deadline, (signal) => provider.unwrap(bytes, TRIAL, { signal }))),
    )
  }
  if (!isCurrent || findings.length > 0) return findings
  const plaintext = randomBytes(32)
  return attempt(provider, 'wrap', 'warning', deadline, async (signal) => {
    await provider.wrap(plaintext, TRIAL, { signal })
    return plaintext
  })
}

/** @param call gives a key in the clear, which is wiped */
async function attempt(
  provider: KeyProvider,
  method: Method,
  severity: Diagnosis['severity'],
  deadline: number,
  call: (signal: AbortSignal) => Promise<Uint8Array>,
): Promise<readonly Diagnosis[]> {
  try {
    const key = await call(AbortSignal.timeout(deadline))
    const isKey = key.length === 32
    key.fill(0)
    return isKey ? [] : [told(provider, method, severity, 'CANNOT_OPEN', 'it gives something else than a key of 32 bytes')]
  } catch (error) {
    if (!(error instanceof EnvelopeError)) return [told(provider, method, severity, 'UNAVAILABLE', 'its provider failed')]
    return [told(provider, method, severity, error.code, error.message)]
  }
}

function told({ name }: KeyProvider, method: Method, severity: Diagnosis['severity'], code: string, reason: string): Diagnosis {
  return {
    severity,
    code,
    key: name,
    meaning: `${method} fails, which is needed ${NEED[method]}: ${reason}`,
    remedy:
      REMEDIES[code] ?? 'see that the provider is that of the application, and that the KMS is the one that wrapped the rows',
  }
}

/** Unwraps each index key. */
export async function indexKeyFindings(
  { keys, indexKey, deadline = DEFAULT_DEADLINE }: CliConfig,
  isSearched: boolean,
): Promise<readonly Diagnosis[]> {
  if (indexKey === undefined)
    return isSearched
      ? [
          {
            severity: 'error',
            code: 'INDEX_KEY_MISSING',
            meaning: 'fields are searchable, and the configuration has no index key',
            remedy: "give the application's own as `indexKey.current`",
          },
        ]
      : []
  const findings: Diagnosis[] = []
  for (const line of [indexKey.current, ...(indexKey.others ?? [])]) {
    try {
      const { key } = await createKeys({ keyring: createKeyring(keys), indexKey: { current: line }, deadline }).indexKey()
      key.release()
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error
      findings.push({
        severity: 'error',
        code: error.code === 'CONFIG' ? 'INDEX_KEY_DAMAGED' : error.code,
        key: indexKeyId(line),
        meaning: `the index key does not unwrap: ${error.message}`,
        remedy:
          REMEDIES[error.code] ??
          'restore the line that `createIndexKey` printed, and have the key that wrapped it in the keyring',
      })
    }
  }
  return findings
}

/** Ids of all index keys of the configuration. */
export function indexKeyIds({ indexKey }: CliConfig): readonly string[] {
  return indexKey === undefined ? [] : [indexKey.current, ...(indexKey.others ?? [])].map(indexKeyId)
}

/** `pei1.<id>.<kid>.<wrapped key>` */
function indexKeyId(line: string): string {
  return line.split('.')[1] ?? '?'
}
