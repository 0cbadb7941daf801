import type { TestDatabase } from '../../support/database.ts'
import { MODELS, type ModelName, planOf, type Row } from './rows.ts'

/** A row as a statement has left it, as the database holds it: columns by their own names, encrypted. */
export interface Version {
  readonly transaction: string
  readonly model: ModelName
  /** Its primary key. */
  readonly key: Row
  readonly stored: Row
  /** Whether the row was deleted, and `stored` is what it was. */
  readonly deleted: boolean
}

/**
 * Lets the database keep every version of every row. Versions that were rolled back are not among them, and those of one row stand in the order in which
 * they came about, as whoever writes a row keeps it locked until the end.
 */
export async function watch({ sql }: TestDatabase): Promise<() => Promise<readonly Version[]>> {
  await sql(
    `CREATE TABLE witness (at bigserial PRIMARY KEY, xid xid8 DEFAULT pg_current_xact_id(), model text, deleted bool, stored jsonb)`,
  )
  await sql(`
    CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO witness (model, deleted, stored)
      VALUES (TG_ARGV[0], TG_OP = 'DELETE', to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END));
      RETURN NULL;
    END $$`)
  for (const model of MODELS) {
    await sql(`
      CREATE TRIGGER witness AFTER INSERT OR UPDATE OR DELETE ON "${planOf(model).table.name}"
      FOR EACH ROW EXECUTE FUNCTION witness('${model}')`)
  }
  return async () => {
    const rows = await sql<Found>(`SELECT xid::text, model, deleted, stored FROM witness ORDER BY at`)
    return rows.map(({ xid, model, deleted, stored }) => ({
      transaction: xid,
      model,
      key: keyOf(model, stored),
      stored,
      deleted,
    }))
  }
}

interface Found extends Record<string, unknown> {
  readonly xid: string
  readonly model: ModelName
  readonly deleted: boolean
  readonly stored: Row
}

function keyOf(model: ModelName, stored: Row): Row {
  const { columns, primaryKey } = planOf(model)
  return Object.fromEntries(primaryKey.map((name) => [name, stored[columns[name]?.column ?? name]]))
}
