import fc from 'fast-check'
import type { Column } from './columns.ts'
import { Prisma } from './generated/client.ts'

/** Values that the column takes, in every form that Prisma takes them in. */
export function valueOf(
  { type, native, plan: { native: nativeType, values = {} } }: Column,
  inList: boolean,
): fc.Arbitrary<unknown> {
  const args = nativeType?.args ?? []
  switch (type) {
    case 'String':
      return native === 'Uuid' ? uuid : text(native === 'VarChar' || native === 'Char' ? (args[0] ?? 1) : 20)
    case 'Int':
      return native === 'SmallInt' ? fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }) : fc.integer()
    case 'BigInt':
      return fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.maxSafeInteger())
    case 'Float':
      return inList
        ? shortNumber
        : native === 'Real'
          ? fc.oneof(float32, fc.double({ min: -1e18, max: 1e18, noNaN: true }).filter(isReal))
          : double
    case 'Decimal':
      return decimal(args[0] ?? 65, args[1] ?? 30)
    case 'Boolean':
      return fc.boolean()
    case 'DateTime':
      return fc.oneof(
        date,
        date.map((value) => value.toISOString()),
      )
    case 'Json':
      return inList
        ? json(fc.integer())
        : fc.oneof(json(double), fc.constant(Prisma.JsonNull)).filter((value) => !isBareNumber(value))
    case 'Bytes':
      return fc.oneof(
        fc.uint8Array(),
        fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('base64')),
      )
    case 'Enum':
      return fc.constantFrom(...Object.keys(values))
  }
}

const uuid = fc.uuid().chain((value) => fc.constantFrom(value, value.toUpperCase(), value.replaceAll('-', ''), `{${value}}`))

/** PostgreSQL takes no U+0000; lone surrogates have probes of their own. */
function text(maxLength: number): fc.Arbitrary<string> {
  const unit = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(' ', 'a', 'Z', 'é', 'ß', '漢', '😀', '\u0301') },
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  )
  return fc.string({ unit: unit.filter((character) => character !== '\0'), maxLength })
}

/** Integers of more than 64 bits lose digits on their way through Prisma. */
const double = fc.double({ min: -(2 ** 62), max: 2 ** 62, noNaN: true })

const shortNumber = fc.oneof(
  fc.integer(),
  fc.integer({ min: -1e9, max: 1e9 }).map((value) => value / 1024),
)

/** By their bits, so that all exponents are as likely. */
const float32 = fc
  .integer()
  .map((bits) => new Float32Array(Int32Array.of(bits).buffer)[0] ?? 0)
  .filter((value) => Math.abs(value) < 2 ** 62)

function isReal(value: number): boolean {
  return value === 0 || Math.fround(value) !== 0
}

function decimal(precision: number, scale: number): fc.Arbitrary<unknown> {
  const digits = (max: number) => fc.string({ unit: fc.constantFrom(...'0123456789'.split('')), maxLength: max })
  // One digit less than there is room for, as rounding may carry.
  return fc
    .tuple(fc.constantFrom('', '-', '+'), digits(Math.max(0, precision - scale - 1)), digits(scale + 3))
    .filter(([, , fraction]) => precision > scale || !fraction.startsWith('99'))
    .chain(([sign, whole, fraction]) => {
      const written = `${sign}${whole === '' ? '0' : whole}.${fraction}`
      return fc.constantFrom<unknown>(written, new Prisma.Decimal(written), `${sign}0${whole}${fraction}e-${fraction.length}`)
    })
}

const date = fc.date({
  min: new Date('0001-01-02T00:00:00.000Z'),
  max: new Date('9999-12-30T00:00:00.000Z'),
  noInvalidDate: true,
})

function json(number: fc.Arbitrary<number>): fc.Arbitrary<unknown> {
  // Prisma trips over `constructor`, and has probes for `$type` and `__proto__`.
  const key = text(4).filter((name) => !(name in {}) && name !== '$type')
  return fc
    .letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 3, withCrossShrink: true },
        fc.oneof(fc.constant(null), fc.boolean(), number, text(8)),
        fc.array(tie('tree'), { maxLength: 4 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 6, noNullPrototype: true }),
      ),
    }))
    .tree.map((value) => value ?? 'null')
}

function isBareNumber(value: unknown): boolean {
  return typeof value === 'number'
}
