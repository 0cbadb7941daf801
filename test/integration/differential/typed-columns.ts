import fc from 'fast-check'
import type { ModelShape } from './models.ts'
import { type Args, DB_NULL, JSON_NULL, MARKER, shaped, small, some } from './values.ts'

/** Seven digits that stand for nothing else, so that a plaintext number can be found in the database. */
const DIGITS = 773419

const text = fc.constantFrom(`${MARKER} `, `${MARKER}-é漢😀`, `${MARKER}"\\n'`)
const whole = fc.constantFrom(DIGITS * 10 + 1, -DIGITS * 10 - 2)
const bigWhole = fc.constantFrom(BigInt(DIGITS) * 10n ** 12n + 1n, -BigInt(DIGITS) * 10n ** 12n)
const fraction = fc.constantFrom(DIGITS + 0.5, -DIGITS - 0.25)
const decimal = fc.constantFrom(`${DIGITS}.25`, `-${DIGITS}.50`, `${DIGITS}`)
/** In a year that nothing else is of. */
const moment = fc.constantFrom<unknown>(
  new Date('2773-04-19T12:34:56.789Z'),
  '2773-04-19T23:59:59.999Z',
  new Date('2773-04-19T00:00:00.000Z'),
)
const json = fc.constantFrom<unknown>({ string: MARKER, 'a.b': [MARKER, null, { int: DIGITS }] }, [MARKER, 1.5], MARKER, false)
const bytes = fc.constantFrom<unknown>(Buffer.from(`${MARKER}-bytes`), new Uint8Array(Buffer.from(MARKER)))
const mood = fc.constantFrom('CALM', 'EXCITED', 'SAD')
const uuid = fc.constantFrom('77341977-3419-4773-8197-734197734197', 'A7734197-3419-4773-8197-734197734197')

const SCALARS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  string: text,
  int: whole,
  bigInt: bigWhole,
  float: fraction,
  decimal,
  boolean: fc.boolean(),
  dateTime: moment,
  json: fc.oneof({ weight: 4, arbitrary: json }, { weight: 1, arbitrary: fc.constant(JSON_NULL) }),
  bytes,
  mood,
}

const items = (value: fc.Arbitrary<unknown>) => fc.array(value, { maxLength: 3 })
/** A list as data gives it. */
const list = (value: fc.Arbitrary<unknown>) => items(value).chain((values) => fc.constantFrom<unknown>(values, { set: values }))

const orNull = (value: fc.Arbitrary<unknown>, none: unknown = null) =>
  fc.oneof({ weight: 3, arbitrary: value }, { weight: 1, arbitrary: fc.constant(none) })

/** `{ set }` is a value itself where it is Json; lists have it already. */
const orSet = (name: string, value: fc.Arbitrary<unknown>) =>
  name.startsWith('json') || name.endsWith('List')
    ? value
    : fc.oneof({ weight: 4, arbitrary: value }, { weight: 1, arbitrary: value.map((set) => ({ set })) })

const entries = Object.entries(SCALARS)
const optional: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  ...Object.fromEntries(entries.map(([name, value]) => [`${name}Opt`, orNull(value, name === 'json' ? DB_NULL : null)])),
  ...Object.fromEntries(entries.map(([name, value]) => [`${name}List`, list(name === 'json' ? json : value)])),
  // Plain Prisma encodes these a second time under `set`.
  bytesList: items(bytes),
}

const NATIVE: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  text: orNull(text),
  varChar: orNull(text),
  char: orNull(fc.constantFrom(MARKER, `${MARKER}  `)),
  uuid: orNull(uuid),
  smallInt: orNull(fc.constantFrom(7734, -7734)),
  integer: orNull(whole),
  bigInt: orNull(bigWhole),
  real: orNull(fc.constantFrom(DIGITS + 0.5)),
  doublePrecision: orNull(fraction),
  decimal: orNull(fc.oneof({ weight: 6, arbitrary: decimal }, { weight: 1, arbitrary: fc.constant(`${DIGITS}.999`) })),
  boolean: orNull(fc.boolean()),
  timestamp: orNull(moment),
  timestampSecond: orNull(moment),
  timestamptz: orNull(moment),
  date: orNull(moment),
  time: orNull(moment),
  json: orNull(json, DB_NULL),
  jsonB: orNull(json, JSON_NULL),
  byteA: orNull(bytes),
  searchVarChar: orNull(text),
  uuidList: list(uuid),
  decimalList: list(decimal),
}

const changed = (columns: Readonly<Record<string, fc.Arbitrary<unknown>>>) =>
  fc
    .subarray(Object.entries(columns), { maxLength: 4 })
    .chain((chosen) => shaped(Object.fromEntries(chosen.map(([name, value]) => [name, orSet(name, value)]))))

const id = fc.integer({ min: 1, max: 3 })
const byId = id.map((value): Args => ({ id: value }))
const nullness = fc.constantFrom<unknown>(null, { not: null }, { equals: null })

/** Models of every scalar type, and of every native type that can be encrypted. */
export const TYPED: Readonly<Record<'allTypes' | 'nativeTypes', ModelShape>> = {
  allTypes: {
    unique: byId,
    columns: shaped({ id, ...SCALARS }, optional),
    foreignKeys: fc.constant({}),
    changes: changed({ ...SCALARS, ...optional }),
    filter: some({
      id: fc.oneof(
        id,
        small.map((gt) => ({ gt })),
      ),
      intOpt: nullness,
      stringOpt: nullness,
      bytesOpt: nullness,
    }),
    order: [{ id: 'desc' }],
    groups: ['id'],
    fields: ['id', 'decimal', 'jsonOpt', 'bytesList', 'moodOpt'],
    relations: {},
    unanswerable: fc.oneof(
      whole.map((lt): Args => ({ where: { int: { lt } } })),
      whole.map((has): Args => ({ where: { intList: { has } } })),
      fc.constant<Args>({ where: { stringList: { isEmpty: true } } }),
      mood.map((value): Args => ({ where: { mood: value } })),
      fc.constant<Args>({ orderBy: { dateTime: 'desc' } }),
      fc.constant<Args>({ where: { json: { path: ['string'], equals: MARKER } } }),
    ),
  },
  nativeTypes: {
    unique: byId,
    columns: shaped({ id }, NATIVE),
    foreignKeys: fc.constant({}),
    changes: changed(NATIVE),
    filter: some({
      id,
      uuid: nullness,
      date: nullness,
      searchVarChar: fc.oneof(
        nullness,
        text,
        fc.array(text, { maxLength: 2 }).map((values) => ({ in: values })),
      ),
    }),
    order: [{ id: 'asc' }],
    groups: ['searchVarChar'],
    fields: ['id', 'char', 'uuid', 'time', 'decimalList', 'searchVarChar'],
    relations: {},
    unanswerable: fc.oneof(
      uuid.map((value): Args => ({ where: { uuid: value } })),
      fc.constant<Args>({ where: { smallInt: { not: 7734 } } }),
      fc.constant<Args>({ where: { searchVarChar: { startsWith: MARKER } } }),
      fc.constant<Args>({ orderBy: [{ varChar: 'asc' }] }),
    ),
  },
}

/** What the plaintext of these models is known by, beside {@link MARKER}. */
export const PLAIN_SIGNS: readonly string[] = [String(DIGITS), '2773-04-19', '7734197', Buffer.from(MARKER).toString('hex')]
