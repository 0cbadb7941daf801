import { isRecord } from '../protocol/input.ts'
import { wildcards } from './wildcards.ts'

/** What a condition can ask of a request. */
export interface ConditionFacts {
  /** Of the cryptographic operations; absent of others. */
  readonly encryptionContext?: Readonly<Record<string, string>>
  /** Where the request names the key by an alias: its name, such as `alias/app-pii`. */
  readonly requestAlias?: string
  /** Names of all aliases of the key. */
  readonly resourceAliases: readonly string[]
}

export type Condition = (facts: ConditionFacts) => boolean

type Values = (facts: ConditionFacts) => readonly string[]

interface ConditionKey {
  readonly values: Values
  /** Whether a request can have several values of it. */
  readonly multivalued: boolean
}

const CONTEXT_ENTRY = 'kms:encryptioncontext:'

/** By their names in lower case: names of condition keys know no case. */
const KEYS: Readonly<Record<string, ConditionKey>> = {
  'kms:encryptioncontextkeys': { values: ({ encryptionContext = {} }) => Object.keys(encryptionContext), multivalued: true },
  'kms:requestalias': { values: ({ requestAlias }) => (requestAlias === undefined ? [] : [requestAlias]), multivalued: false },
  'kms:resourcealiases': { values: ({ resourceAliases }) => resourceAliases, multivalued: true },
}

const OPERATOR = /^(?:(?<set>ForAllValues|ForAnyValue):)?String(?<not>Not)?(?<how>Equals|Like)$/

/**
 * The element `Condition` of a statement: all of its operators and keys must hold, of the values of a key one.
 *
 * A key that a request lacks fails `StringEquals` and `StringLike`, meets their negations, meets `ForAllValues` and fails `ForAnyValue`.
 *
 * @throws TypeError for operators and keys that this evaluator does not know: they are refused, never taken for met
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
 */
export function parseCondition(block: unknown): Condition {
  if (!isRecord(block)) throw new TypeError('Condition must be an object of operators')
  const conditions = Object.entries(block).flatMap(([operator, tests]) => {
    if (!isRecord(tests)) throw new TypeError(`Condition ${operator} must be an object of condition keys`)
    return Object.entries(tests).map(([key, expected]) => parseTest(operator, key, texts(expected, `${operator} ${key}`)))
  })
  return (facts) => conditions.every((condition) => condition(facts))
}

function parseTest(operator: string, name: string, expected: readonly string[]): Condition {
  const key = conditionKey(name)
  if (operator === 'Null') return parseNull(name, key, expected)
  const { set, not, how } = OPERATOR.exec(operator)?.groups ?? {}
  if (how === undefined) {
    throw new TypeError(
      `local-kms does not know the condition operator ${operator}: it has Null, StringEquals, StringNotEquals, StringLike and ` +
        'StringNotLike, each of the last four also with ForAllValues: or ForAnyValue:',
    )
  }
  if (key.multivalued && set === undefined) {
    throw new TypeError(`${name} can have several values: give ${operator} ForAllValues: or ForAnyValue:`)
  }
  const matchers = expected.map((text) => (how === 'Like' ? wildcards(text) : (value: string) => value === text))
  const meets = (value: string): boolean => matchers.some((matches) => matches(value)) !== (not !== undefined)
  if (set === 'ForAllValues') return (facts) => key.values(facts).every(meets)
  if (set === 'ForAnyValue') return (facts) => key.values(facts).some(meets)
  return (facts) => {
    const [value] = key.values(facts)
    return value === undefined ? not !== undefined : meets(value)
  }
}

function parseNull(name: string, { values }: ConditionKey, expected: readonly string[]): Condition {
  const [absent, ...more] = expected
  if ((absent !== 'true' && absent !== 'false') || more.length > 0)
    throw new TypeError(`Condition Null ${name} is "true" or "false"`)
  return (facts) => (values(facts).length === 0) === (absent === 'true')
}

function conditionKey(name: string): ConditionKey {
  const lower = name.toLowerCase()
  if (Object.hasOwn(KEYS, lower)) return KEYS[lower] as ConditionKey
  const entry = lower.startsWith(CONTEXT_ENTRY) ? lower.slice(CONTEXT_ENTRY.length) : ''
  if (entry === '') {
    throw new TypeError(
      `local-kms does not know the condition key ${name}: it has kms:EncryptionContext:NAME, kms:EncryptionContextKeys, kms:RequestAlias ` +
        'and kms:ResourceAliases',
    )
  }
  return {
    values: ({ encryptionContext = {} }) =>
      Object.entries(encryptionContext).flatMap(([key, value]) => (key.toLowerCase() === entry ? [value] : [])),
    multivalued: false,
  }
}

/** One text or several; booleans count as text, and policy variables would silently be compared as they stand. */
export function texts(value: unknown, where: string): readonly string[] {
  const found = (Array.isArray(value) ? value : [value]).map((entry: unknown) => {
    const text = typeof entry === 'boolean' ? String(entry) : entry
    if (typeof text !== 'string' || text === '') throw new TypeError(`${where} must be a text, or a list of texts`)
    if (text.includes('${')) throw new TypeError(`local-kms knows no policy variables: write out ${text} in ${where}`)
    return text
  })
  if (found.length === 0) throw new TypeError(`${where} must be a text, or a list of texts`)
  return found
}
