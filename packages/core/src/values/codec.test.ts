import { inspect } from 'node:util'
import { Decimal, JsonNull, PrismaClientKnownRequestError } from '@prisma/client/runtime/client'
import { describe, expect, it } from 'vitest'
import { EnvelopeError } from '../errors.ts'
import type { Json, ScalarType } from '../plan.ts'
import { codecOf } from './test-codec.ts'

const TYPES: readonly ScalarType[] = [
  'String',
  'Int',
  'BigInt',
  'Float',
  'Decimal',
  'Boolean',
  'DateTime',
  'Json',
  'Bytes',
  'Enum',
]

describe('null', () => {
  it.each(TYPES)('of %s is null both ways', (type) => {
    const codec = codecOf(type)
    expect(codec.encode(null)).toBeNull()
    expect(codec.decode(null)).toBeNull()
  })
})

describe('a value that is refused', () => {
  const secret = 'Ada-Lovelace-1815'

  it.each(TYPES)('of type %s is named by its field, never shown', (type) => {
    const value =
      type === 'String' ? [secret] : type === 'Json' ? { [secret]: () => secret } : type === 'DateTime' ? `${secret}T` : [secret]
    const error = thrownBy(() => codecOf(type).encode(value))
    expect(error).toBeInstanceOf(EnvelopeError)
    expect(error).toMatchObject({ code: 'INVALID_VALUE', model: 'Patient', field: 'field' })
    expect(textOf(error)).not.toContain(secret)
  })

  it.each<[ScalarType, string | undefined, unknown, string]>([
    ['String', 'VarChar(3)', secret, 'P2000'],
    ['String', 'Uuid', secret, 'P2007'],
    ['String', undefined, `${secret}\0`, 'P2039'],
    ['Int', undefined, 18_151_210_000, 'P2020'],
    ['Json', undefined, { [secret]: '\0' }, 'P2039'],
  ])('%s @db.%s by the database has the class and code of Prisma, and not the value', (type, native, value, code) => {
    const error = thrownBy(() => codecOf(type, native).encode(value))
    expect(error).toBeInstanceOf(PrismaClientKnownRequestError)
    expect(error).toMatchObject({
      code,
      clientVersion: '7.10.0',
      meta: { modelName: 'Patient' },
      message: expect.stringMatching(/^Patient\.field: /),
    })
    expect(textOf(error)).not.toMatch(/Lovelace|1815/)
  })

  it('has the details of the adapter, to look at as on a plain column', () => {
    const error = thrownBy(() => codecOf('String', 'VarChar(3)').encode(secret)) as PrismaClientKnownRequestError
    expect(error.message).toContain("The provided value for the column is too long for the column's type. Column: the_column")
    const { driverAdapterError } = error.meta as { driverAdapterError: Error }
    expect(driverAdapterError.name).toBe('DriverAdapterError')
    expect(driverAdapterError.cause).toEqual({
      originalCode: '22001',
      originalMessage: 'value too long for type character varying(3)',
      kind: 'LengthMismatch',
      column: 'the_column',
    })
  })
})

describe('a record that does not hold the type', () => {
  it.each(TYPES)('%s is refused without its content', (type) => {
    const error = thrownBy(() => codecOf(type).decode({ secret: 'Ada' }))
    expect(error).toMatchObject({ code: 'CANNOT_OPEN', model: 'Patient', field: 'field' })
    expect(textOf(error)).not.toContain('Ada')
  })
})

describe('a placeholder', () => {
  const codecWith = (type: ScalarType, placeholder: Json, native?: string) =>
    codecOf(type, native, { values: { calm: 'quite calm', sad: 'sad' }, encrypted: { identity: 'f', placeholder } })

  it.each<[ScalarType, string | undefined, Json, unknown, unknown, unknown]>([
    ['String', undefined, '*', '*', '*', '**'],
    ['String', 'Char(3)', '*', '*', '*  ', '*'],
    ['Int', undefined, 0, 0, 0, 1],
    ['BigInt', undefined, '0', 0n, 0n, 1n],
    ['Float', undefined, 0, 0, 0, Number.NaN],
    ['Decimal', 'Decimal(10,2)', '0', new Decimal(0), new Decimal('0.00'), new Decimal('0.01')],
    ['Boolean', undefined, false, false, false, true],
    ['DateTime', 'Timestamp(3)', '1970-01-01T00:00:00.000Z', new Date(0), new Date(0), new Date(1)],
    [
      'DateTime',
      'Time',
      '2020-01-01T12:00:00.000Z',
      new Date('2020-01-01T12:00:00Z'),
      new Date('1970-01-01T12:00:00Z'),
      new Date(0),
    ],
    ['Json', undefined, [{}], {}, {}, { a: 1 }],
    ['Json', undefined, [{ b: [1], a: 2 }], { b: [1], a: 2 }, { a: 2, b: [1] }, { a: 2, b: [2] }],
    ['Json', undefined, [null], JsonNull, null, {}],
    ['Bytes', undefined, '', new Uint8Array(), new Uint8Array(), new Uint8Array(1)],
    ['Enum', undefined, 'quite calm', 'calm', 'calm', 'sad'],
  ])(
    'of %s @db.%s goes in as Prisma takes it, and is known as Prisma returns it',
    (type, native, stored, input, output, other) => {
      const codec = codecWith(type, stored, native)
      expect(codec.placeholder).toEqual(input)
      expect(codec.isPlaceholder(output)).toBe(true)
      expect(codec.isPlaceholder(other)).toBe(false)
      expect(codec.isPlaceholder(null)).toBe(output === null)
    },
  )

  it('that is not of the type is a fault of the plan', () => {
    expect(thrownBy(() => codecWith('Int', 'zero'))).toMatchObject({ code: 'CONFIG' })
    expect(thrownBy(() => codecWith('Int', null))).toMatchObject({ code: 'CONFIG' })
    expect(thrownBy(() => codecWith('String', '**', 'Char(1)'))).toMatchObject({ code: 'CONFIG' })
  })

  it('is not there where the column is not encrypted', () => {
    expect(codecOf('Int').placeholder).toBeUndefined()
    expect(codecOf('Int').isPlaceholder(0)).toBe(false)
  })
})

function thrownBy(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

/** All that a log could show of an error, the stack apart. */
function textOf(error: unknown): string {
  return inspect(error, { depth: 10, showHidden: true }).replaceAll(/^ +at .*$/gm, '')
}
