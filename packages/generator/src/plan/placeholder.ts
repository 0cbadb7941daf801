import type { ColumnPlan, Json } from 'prisma-envelope/plan'
import type { Value } from '../annotation/syntax.ts'
import { encodeLiteral } from './literal.ts'
import { looksLikeToken, maximumLength, nativeName } from './native-type.ts'

/** What a column holds in place of a value unless the annotation says otherwise, in the record encoding. */
export function defaultPlaceholder(column: ColumnPlan): Json {
  if (column.list) return []
  switch (column.type) {
    case 'String':
      return column.native?.name === 'Uuid' ? '00000000-0000-0000-0000-000000000000' : '*'
    case 'Int':
    case 'Float':
      return 0
    case 'BigInt':
    case 'Decimal':
      return '0'
    case 'Boolean':
      return false
    case 'DateTime':
      return '1970-01-01T00:00:00.000Z'
    case 'Json':
      return [{}]
    case 'Bytes':
      return ''
    case 'Enum':
      return Object.values(column.values ?? {})[0] ?? ''
  }
}

/** The annotation's placeholder in the record encoding, or why the column can't hold it. */
export function placeholderOf(column: ColumnPlan, literal: Value): { readonly value: Json } | { readonly misfit: string } {
  if (column.list) {
    const empty = literal.kind === 'list' && literal.items.length === 0
    return empty ? { value: [] } : { misfit: 'the placeholder of a list is always []; remove the option' }
  }
  const encoded = encodeLiteral(column, literal)
  if ('expected' in encoded) return { misfit: `the placeholder must be ${encoded.expected}` }
  const { value: given } = encoded
  const value = column.native?.name === 'Uuid' && typeof given === 'string' ? given.toLowerCase() : given
  const misfit = misfitOf(column, value)
  return misfit === undefined ? { value } : { misfit }
}

function misfitOf(column: ColumnPlan, value: Json): string | undefined {
  const native = nativeName(column)
  const unlike = (expected: string) => `the placeholder does not fit ${native}: it must be ${expected}`
  const text = typeof value === 'string' ? value : ''
  switch (column.type) {
    case 'String': {
      if (looksLikeToken(text)) return 'the placeholder looks like a token of a searchable field; choose another'
      const room = maximumLength(column)
      if (room !== undefined && Array.from(text).length > room) return unlike(`at most ${room} characters`)
      if (column.native?.name === 'Char' && text.endsWith(' ')) return unlike('without blanks at its end, which PostgreSQL drops')
      if (column.native?.name === 'Uuid' && !UUID.test(text))
        return unlike('a UUID such as "00000000-0000-0000-0000-000000000000"')
      return undefined
    }
    case 'Int':
      return column.native?.name === 'SmallInt' && Math.abs(Number(value) + 0.5) > 2 ** 15
        ? unlike('from -32768 to 32767')
        : undefined
    case 'Float':
      return column.native?.name === 'Real' && Math.fround(Number(value)) !== value
        ? unlike('a value that 4 bytes hold exactly')
        : undefined
    case 'Decimal':
      return decimalMisfit(column, text, unlike)
    case 'DateTime':
      return dateTimeMisfit(column, text, unlike)
    case 'Json':
      return Array.isArray(value) && value[0] === null
        ? 'the placeholder must differ from null; use {} or another value'
        : undefined
    default:
      return undefined
  }
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

function decimalMisfit({ native }: ColumnPlan, value: string, unlike: (expected: string) => string): string | undefined {
  // Prisma makes a Decimal without native type decimal(65,30).
  const [precision = 65, scale = native === undefined ? 30 : 0] = native?.args ?? []
  if (native !== undefined && native.args.length === 0) return undefined
  const [whole = '', fraction = ''] = value.replace('-', '').split('.')
  const fits = fraction.length <= scale && (whole === '0' ? 0 : whole.length) <= precision - scale
  return fits ? undefined : unlike(`a number of at most ${precision - scale} digits before the point and ${scale} behind it`)
}

function dateTimeMisfit({ native }: ColumnPlan, value: string, unlike: (expected: string) => string): string | undefined {
  if (native?.name === 'Date') return value.endsWith('T00:00:00.000Z') ? undefined : unlike('midnight UTC')
  const digits = native?.args[0] ?? 3
  const coarser = digits < 3 && /[1-9]/.test(value.slice(20 + digits, 23))
  if (native?.name === 'Time' && !value.startsWith('1970-01-01T')) return unlike('on 1970-01-01')
  return coarser ? unlike(`a time with ${digits} digits of a second`) : undefined
}
