import assert from 'node:assert/strict'
import postgres from 'postgres'
import { MARK, text } from '../rows.ts'
import type { Stand } from '../stand.ts'

/** The table that is moved, and what processes need to move it. */
export interface Ground {
  readonly stand: Stand
  readonly sql: postgres.Sql
  /** Empties the table and fills it with plaintext, in an order that is not that of its keys, as with `uuid()`. */
  fill(rows: number): Promise<void>
  /** @throws AssertionError where a row is not sealed, shows plaintext or, of a sample, does not open to what it was. */
  assertSealed(rows: number): Promise<void>
  /** Names the keys of the KMS of which the first is the current one. */
  env(keys: readonly string[], branchRows?: number): Readonly<Record<string, string>>
  close(): Promise<void>
}

const SAMPLE = 200
const BRANCH_ROWS = 10_000

export async function openGround(stand: Stand): Promise<Ground> {
  const sql = postgres(stand.url, { max: 1, fetch_types: false, onnotice: () => {} })
  return {
    stand,
    sql,
    async fill(rows) {
      await sql.unsafe('TRUNCATE "Migrated"')
      const label = (name: string): string => `rpad('${name} ' || i || ' ', 32, '${MARK} ')`
      await sql.unsafe(`INSERT INTO "Migrated"
        SELECT md5(i::text)::uuid::text, ${['name', 'email', 'phone', 'street'].map(label).join(', ')},
          'W' || i % 20, i, i % 2 = 0, to_timestamp(1700000000 + i), CASE WHEN i % 3 = 0 THEN NULL ELSE 'seen' END
        FROM generate_series(0, ${rows - 1}) AS i`)
      await sql.unsafe('VACUUM ANALYZE "Migrated"')
      await sql.unsafe('CHECKPOINT')
    },
    async assertSealed(rows) {
      const [counts] = await sql.unsafe(
        `SELECT count(*)::int AS rows, count(envelope)::int AS sealed, (count(*) FILTER (WHERE t::text LIKE '%${MARK}%'))::int AS legible FROM "Migrated" t`,
      )
      assert.deepEqual([counts?.['rows'], counts?.['sealed'], counts?.['legible']], [rows, rows, 0])
      const prisma = stand.sealed({ keys: stand.bothKeys })
      const found = await prisma.migrated.findMany({ where: { visits: { lt: SAMPLE } }, orderBy: { visits: 'asc' } })
      assert.equal(found.length, Math.min(rows, SAMPLE))
      for (const { name, email, phone, street, visits } of found) {
        const expected = ['name', 'email', 'phone', 'street'].map((label) => text(label, visits))
        assert.deepEqual([name, email, phone, street], expected)
      }
    },
    env(keys, branchRows = BRANCH_ROWS) {
      return {
        ...stand.kms.env,
        BENCH_DATABASE_URL: stand.url,
        BENCH_KEYS: keys.map((name) => `${name}=${stand.arns[name] ?? ''}`).join(','),
        BENCH_INDEX_KEY: stand.indexKey.current,
        BENCH_BRANCH_ROWS: String(branchRows),
      }
    },
    close: () => sql.end(),
  }
}
