import { durationText } from '../progress/output.ts'
import type { Census } from './census.ts'
import { type Forecast, PRICE_SOURCE } from './forecast.ts'

/** A model's part of what `status` says to people. */
export function statusText(
  { model, estimated, rows, encrypted, plaintext, mixed, foreignWrites, malformed, ...by }: Census,
  left: Forecast | undefined,
  isRetired: (keys: readonly string[]) => boolean = () => false,
): string {
  const about = estimated ? 'about ' : ''
  const lines = [
    [model, `${about}${count(rows)} rows${estimated ? ', estimated from a sample of their blocks' : ''}`],
    ['encrypted', count(encrypted)],
    ['plaintext', count(plaintext)],
    ['mixed', `${count(mixed)}${mixed > 0 ? `, of which ${count(foreignWrites)} by foreign writes` : ''}`],
    ...(malformed > 0 ? [['malformed', `${count(malformed)} have something else than an envelope in its column`]] : []),
    ...(by.byKey.length > 0
      ? [
          [
            'by KMS key',
            list(by.byKey.map(({ keys, rows: n }) => [`${keys.join('+')}${isRetired(keys) ? ' (retired)' : ''}`, n])),
          ],
        ]
      : []),
    ...(by.byKey.length > 0 ? [['wrapped by', wrappedBy(by.byWrap)]] : []),
    ...Object.entries(by.byIndexKey).flatMap(([field, ids]) =>
      Object.keys(ids).length === 0 ? [] : [['by index key', `${field}: ${list(Object.entries(ids))}`]],
    ),
    ...(by.byFieldSet.length > 0
      ? [['by field set', list(by.byFieldSet.map(({ id, fields, rows: n }) => [fieldSetName(id, fields), n]))]]
      : []),
  ]
  return [...lines, ...(left === undefined || left.rows === 0 ? [] : leftLines(left))]
    .map(([name = '', text = ''], i) => (i === 0 ? `${name}: ${text}` : `  ${name.padEnd(14)}${text}`))
    .join('\n')
}

function leftLines({ rows, seconds, rowsPerSecond, kmsCalls, usd, diskBytes, deadBytes, walBytes }: Forecast): string[][] {
  return [
    ['left', `${count(rows)} rows, roughly ${durationText(seconds)} with one worker (${count(rowsPerSecond)} rows/s)`],
    [
      'KMS calls',
      `${count(kmsCalls.branch)} by branch keys (${dollars(usd.branch)}), ${count(kmsCalls.direct)} directly (${dollars(usd.direct)}): ${PRICE_SOURCE}`,
    ],
    ['disk', `${bytes(diskBytes)} more until a VACUUM, of dead rows ${bytes(deadBytes)}; WAL ${bytes(walBytes)}`],
  ]
}

function wrappedBy({ branch, direct, branchKeys: { inline, named } }: Census['byWrap']): string {
  const keys = [...(inline > 0 ? [`${count(inline)} in their rows`] : []), ...(named > 0 ? [`${count(named)} named`] : [])]
  return `branch keys ${count(branch)}${keys.length > 0 ? ` (distinct ones: ${keys.join(', ')})` : ''}, the KMS itself ${count(direct)}`
}

function fieldSetName(id: string, fields: readonly string[] | 'all' | undefined): string {
  if (fields === 'all') return 'all fields'
  return fields === undefined ? `${id} (unknown to this schema)` : fields.join('+')
}

function list(entries: readonly (readonly [string, number])[]): string {
  return entries.map(([name, rows]) => `${name} ${count(rows)}`).join(', ')
}

function count(number: number): string {
  return number.toLocaleString('en-US')
}

function dollars(usd: number): string {
  return usd > 0 && usd < 0.01 ? 'under $0.01' : `$${usd.toFixed(2)}`
}

function bytes(number: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
  const unit = Math.min(Math.floor(Math.log2(Math.max(number, 1)) / 10), units.length - 1)
  return `${(number / 1024 ** unit).toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`
}
