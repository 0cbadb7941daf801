import { type Queryable, textRows } from '../database/connection.ts'
import type { Table } from './table.ts'

export interface TableSize {
  readonly bytes: number
  readonly indexBytes: number
  readonly blocks: number
  readonly indexes: number
  /** The planner's, from the last ANALYZE or VACUUM and the size since; 0 where there was none. */
  readonly estimatedRows: number
}

/** What the catalog says of a table, its partitions included. */
export async function tableSize(sql: Queryable, { sql: name }: Table): Promise<TableSize> {
  const [row] = await textRows(
    sql,
    `SELECT coalesce(sum(pg_table_size(c.oid)), 0), coalesce(sum(pg_indexes_size(c.oid)), 0), coalesce(sum(s.blocks), 0),
       (SELECT count(*) FROM pg_index WHERE indrelid = to_regclass($1)),
       coalesce(sum(CASE WHEN c.reltuples > 0 AND c.relpages > 0 THEN c.reltuples / c.relpages * s.blocks ELSE 0 END), 0)::bigint
     FROM (SELECT to_regclass($1)::oid AS oid UNION SELECT relid FROM pg_partition_tree(to_regclass($1)) WHERE isleaf) AS part JOIN pg_class c USING (oid)
     CROSS JOIN LATERAL (SELECT pg_relation_size(c.oid) / current_setting('block_size')::int AS blocks) AS s`,
    [name],
  )
  const [bytes = 0, indexBytes = 0, blocks = 0, indexes = 0, estimatedRows = 0] = (row ?? []).map(Number)
  return { bytes, indexBytes, blocks, indexes, estimatedRows }
}
