import fc from 'fast-check'

/** Stands in every encrypted text, so that its plaintext can't hide in the database. */
export const MARKER = 'sekret'

const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`)
const PERSONS = numbered('p', 4)

/** Few values each, so that histories meet the same rows again and again. */
export const personId = fc.constantFrom(...PERSONS)
export const missingId = fc.constantFrom(...PERSONS, 'nobody')
export const email = fc.constantFrom(...numbered(`${MARKER}-mail-`, 4))
export const name = fc.constantFrom(...numbered(`${MARKER}-name-`, 5))
export const motto = fc.constantFrom(...numbered(`${MARKER}-motto-`, 4))
export const title = fc.constantFrom(...numbered(`${MARKER}-title-`, 3))
export const code = fc.constantFrom(...numbered(`${MARKER}-code-`, 3))
export const role = fc.constantFrom(null, ...numbered(`${MARKER}-role-`, 3))
/** No Int can hold it. */
const TOO_LARGE = 7734194000

/** Whether some value of the arguments is none of its column. Which of several errors comes first is nobody's promise. */
export function holdsNonsense(args: unknown): boolean {
  const text = argsText(args)
  return text.includes(String(TOO_LARGE)) || text.includes('"age":1.5') || text.includes('"age":{"set":1.5}')
}

const NESTED = /"(?:create|createMany|connect|connectOrCreate|update|upsert|delete|disconnect|set)":/g

/** Keys and foreign keys, which a row may be refused for. */
const REFUSABLE = ['id', 'email', 'bossId', 'ownerId', 'motto', 'authorId', 'region', 'number', 'title', 'personId']

/** Whether two writes of one operation may fail. It is one of their errors that either side reports, and not always the same one. */
export function mayFailTwice({ args }: { readonly args: Args }): boolean {
  const nested = argsText(args).match(NESTED) ?? []
  const { data, create } = args as { data?: Args; create?: Args }
  const own = Object.keys(data ?? create ?? {}).some((key) => REFUSABLE.includes(key))
  return nested.length + (own ? 1 : 0) > 1
}

/** Seven digits that stand for nothing else. */
export const age = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(null, 7734191, 7734192, 7734193) },
  { weight: 1, arbitrary: fc.constantFrom(TOO_LARGE, 1.5) },
)
export const lockerId = fc.constantFrom('l0', 'l1', 'l2')
export const letterId = fc.integer({ min: 1, max: 4 })
export const region = fc.constantFrom('north', 'south')
export const clubNumber = fc.integer({ min: 1, max: 2 })
export const small = fc.integer({ min: 0, max: 3 })
/** Stands for a null of the client's own `Prisma` namespace, which a history does not know. */
export class Null {
  readonly name: 'JsonNull' | 'DbNull'

  constructor(name: 'JsonNull' | 'DbNull') {
    this.name = name
  }
}
export const JSON_NULL = new Null('JsonNull')
export const DB_NULL = new Null('DbNull')

/** Arguments as JSON, whatever they hold. */
export function argsText(args: unknown): string {
  return JSON.stringify(args, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))
}

export const body = fc.constantFrom<unknown>(
  JSON_NULL,
  DB_NULL,
  { text: `${MARKER}-body` },
  [`${MARKER}-body`, null, 1.5],
  `${MARKER}-body`,
  { title: `${MARKER}-body`, 'a.b': { ['__proto__']: `${MARKER}-body` }, set: `${MARKER}-body` },
  0,
  false,
)

export type Args = Record<string, unknown>

/** An object that may have any of these keys. */
export function some(shape: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<Args> {
  return fc.record(shape, { requiredKeys: [] }) as fc.Arbitrary<Args>
}

/** An object of all `required` keys, and any of the others. */
export function shaped(
  required: Readonly<Record<string, fc.Arbitrary<unknown>>>,
  optional: Readonly<Record<string, fc.Arbitrary<unknown>>> = {},
): fc.Arbitrary<Args> {
  return fc.record({ ...required, ...optional }, { requiredKeys: Object.keys(required) }) as fc.Arbitrary<Args>
}

/** One key of these. */
export function oneOf(shape: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<Args> {
  return fc.oneof(...Object.entries(shape).map(([key, value]) => value.map((given): Args => ({ [key]: given }))))
}

/** One key of these, seldom two. */
export function oneOrTwoOf(shape: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<Args> {
  const single = oneOf(shape)
  return fc.oneof(
    { weight: 5, arbitrary: single },
    { weight: 1, arbitrary: fc.tuple(single, single).map(([a, b]) => ({ ...a, ...b })) },
  )
}

/** One, or a list of some. */
export function oneOrMore(arbitrary: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 3, arbitrary }, { weight: 1, arbitrary: fc.array(arbitrary, { maxLength: 2 }) })
}

/** As an update gives it: the value, or `{ set }`. */
export function written(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 4, arbitrary: value }, { weight: 1, arbitrary: value.map((set) => ({ set })) })
}
