import type { TestDatabase } from './database.ts'

type Sql = TestDatabase['sql']

/** Ids from a sequence: a transaction that was tried twice has used more of them up. */
export const FROM_SEQUENCE = 1000

/** Copies all rows, and makes a function that brings them back in their order. */
export async function rememberRows(sql: Sql, tables: readonly string[]): Promise<void> {
  await sql('CREATE SCHEMA saved')
  for (const table of tables) await sql(`CREATE TABLE saved."${table}" AS TABLE public."${table}"`)
  const inserts = tables.map((table) => `INSERT INTO public."${table}" SELECT * FROM saved."${table}" ORDER BY ctid;`)
  await sql(`CREATE FUNCTION saved.restore() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    TRUNCATE ${tables.map((table) => `public."${table}"`).join(', ')} CASCADE;
    ${inserts.join('\n')}
    PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, ${FROM_SEQUENCE}) FROM pg_sequences;
  END $$`)
  await restoreRows(sql)
}

/** Brings all rows back. */
export async function restoreRows(sql: Sql): Promise<void> {
  await sql('SELECT saved.restore()')
}

/** All rows, as text. */
export async function rowsOf(sql: Sql, tables: readonly string[]): Promise<string> {
  const texts = tables.map((table) => `(SELECT string_agg(t::text, ' ' ORDER BY t::text) FROM public."${table}" t)`)
  const [row] = await sql<{ text: string }>(`SELECT concat_ws(E'\\n', ${texts.join(', ')}) AS text`)
  return row?.text ?? ''
}
