import type { KeyStorePlan } from 'prisma-envelope/rows'
import { columnsOf, literal, tableOf } from '../database/sql-text.ts'
import { type Field, looksLikeToken, looksSealed, type Table } from '../rows/table.ts'

/** Of each way to tell rows apart, the most frequent are listed. */
export const LISTED = 100

/**
 * The statement that counts a table's rows in one pass. A row of its result is: what is counted, its value, a second value, rows, bytes of these rows, bytes
 * of what is to be encrypted of them. It judges whatever a column may hold, and no text that it gives back is longer or other than the format allows.
 *
 * @param lacking ids of field sets that lack one of `fields`
 * @param sample of the table's blocks, in per cent
 * @param keyStore whose keys rows name: its KMS key is the one that counts
 */
export function censusQuery(
  table: Table,
  fields: readonly Field[],
  lacking: readonly string[],
  sample?: number,
  keyStore?: KeyStorePlan,
): string {
  const e = `t.${table.envelope}`
  const searchable = fields.filter(({ search }) => search !== undefined)
  const foreign = fields.map((field) => `(t.${field.sql} IS NOT NULL AND NOT (${looksSealed(field)}))`)
  const octets = fields.map((field) => `coalesce(${octetsOf(field)}, 0)`)
  const wellFormed = [
    `jsonb_typeof(${e}) = 'object'`,
    `jsonb_typeof(${e} -> 'ct') = 'string'`,
    `jsonb_typeof(${e} -> 'kid') = 'string'`,
    `${e} ->> 'kid' ~ ${literal(`^${NAME}$`)}`,
    `jsonb_typeof(${e} -> 'fs') = 'string'`,
    `${e} ->> 'fs' ~ ${literal('^[A-Za-z0-9_-]{8}$')}`,
  ]
  const indexes = searchable.map((_, i) => `i${i}`)
  const keys = ['state', '"foreign"', 'kids', 'fs', 'wrap', 'branch', ...indexes]
  const lacks = lacking.length === 0 ? 'false' : `fs IN (${lacking.map(literal).join(', ')})`

  return `WITH judged AS (
    SELECT CASE WHEN ${e} IS NULL THEN 'plaintext' WHEN coalesce(${wellFormed.join(' AND ')}, false) THEN 'sealed' ELSE 'malformed' END AS state,
      ${e} AS e, pg_column_size(t.*) AS width, CASE WHEN ${e} IS NULL THEN ${octets.join(' + ')} ELSE 0 END AS octets,
      ${e} IS NOT NULL AND (${foreign.join(' OR ')}) AS "foreign"${searchable
        .map((field, i) => `,\n      CASE WHEN ${looksLikeToken(field)} THEN substr(t.${field.sql}::text, 2, 4) END AS i${i}`)
        .join('')}
    FROM ${table.sql} AS t${sample === undefined ? '' : ` TABLESAMPLE SYSTEM (${sample})`}
  ), told AS (
    SELECT judged.*, CASE WHEN state = 'sealed' THEN coalesce(${LISTED_KEYS}, ${keyStore === undefined ? '' : `s.${columnsOf(keyStore).kid}, `}e ->> 'kid') END AS kids,
      CASE WHEN state = 'sealed' THEN e ->> 'fs' END AS fs,
      CASE WHEN state <> 'sealed' THEN NULL WHEN NOT e ? 'dek' THEN 'direct' WHEN e ? 'bk' THEN 'named' ELSE 'inline' END AS wrap,
      CASE WHEN state = 'sealed' AND e ? 'dek' THEN hashtextextended(coalesce(e ->> 'bk', e ->> 'wk', ''), 0) END AS branch
    FROM judged${keyStore === undefined ? '' : ` LEFT JOIN ${tableOf(keyStore)} AS s ON s.${columnsOf(keyStore).id} = e ->> 'bk'`}
  ), g AS MATERIALIZED (
    SELECT ${keys.join(', ')}, count(*) AS n, sum(width) AS width, sum(octets) AS octets FROM told GROUP BY ${keys.join(', ')}
  )
  SELECT 'state', CASE WHEN "foreign" AND state = 'sealed' THEN 'foreign' WHEN ${lacks} THEN 'lacking' ELSE state END AS a, NULL, sum(n) AS n, sum(width), sum(octets) FROM g GROUP BY a
  UNION ALL (SELECT 'kid', kids, NULL, sum(n), NULL, NULL FROM g WHERE state = 'sealed' GROUP BY kids ORDER BY sum(n) DESC LIMIT ${LISTED})
  UNION ALL (SELECT 'fs', fs, NULL, sum(n), NULL, NULL FROM g WHERE state = 'sealed' GROUP BY fs ORDER BY sum(n) DESC LIMIT ${LISTED})
  UNION ALL (SELECT 'wrap', wrap, count(DISTINCT branch)::text, sum(n), NULL, NULL FROM g WHERE state = 'sealed' GROUP BY wrap)${indexes
    .map(
      (index, i) =>
        `\n  UNION ALL (SELECT 'index', ${index}, ${literal((searchable[i] as Field).name)}, sum(n), NULL, NULL FROM g WHERE ${index} IS NOT NULL GROUP BY ${index} ORDER BY sum(n) DESC LIMIT ${LISTED})`,
    )
    .join('')}`
}

const NAME = '[A-Za-z0-9._-]{1,32}'

/** The names of several KMS keys, where `wk` is a list of such pairs. */
const LISTED_KEYS = `CASE WHEN jsonb_typeof(e -> 'wk') = 'array' THEN substring(jsonb_path_query_array(e, '$.wk[*][0]')::text from ${literal(`^\\["${NAME}"(?:, "${NAME}"){1,15}\\]$`)}) END`

/** How many bytes a value takes in the record. */
function octetsOf({ sql, plan }: Field): string {
  return plan.type === 'Bytes' && plan.list !== true ? `octet_length(t.${sql}) * 4 / 3` : `octet_length(t.${sql}::text)`
}
