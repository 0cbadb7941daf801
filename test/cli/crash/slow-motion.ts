import type { TestDatabase } from '../../support/database.ts'
import { TABLES } from './tables.ts'

/** Begins the name of every session that is slowed down. */
export const SLOW = 'slow'

/** What a pause of the CLI waits for: some milliseconds and some writes of others, but not for ever, as they may be waiting themselves. */
const PAUSE = { milliseconds: 100, writes: 4, longest: 400 }

/**
 * Lets the database take its time over what the CLI writes, so that a process that is killed at a random moment mostly dies in the middle of it: before
 * its UPDATE, after it, and while the database commits; and so that writers meet it there, however busy the machine is.
 */
export async function slowDown({ sql }: TestDatabase): Promise<void> {
  const { milliseconds, writes, longest } = PAUSE
  await sql(`CREATE SEQUENCE writes`)
  await sql(`
    CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      begun timestamptz := clock_timestamp();
      least interval := random() * interval '${milliseconds} ms';
      awaited bigint;
    BEGIN
      IF current_setting('application_name') NOT LIKE '${SLOW}%' THEN
        PERFORM nextval('writes');
      ELSIF random() < TG_ARGV[0]::float THEN
        SELECT last_value + floor(random() * ${writes}) INTO awaited FROM writes;
        LOOP
          PERFORM pg_sleep(0.005);
          EXIT WHEN clock_timestamp() > begun + interval '${longest} ms';
          EXIT WHEN clock_timestamp() > begun + least AND (SELECT last_value >= awaited FROM writes);
        END LOOP;
      END IF;
      RETURN coalesce(NEW, OLD);
    END $$`)
  for (const { name: table } of Object.values(TABLES)) {
    await sql(`CREATE TRIGGER before_writing BEFORE UPDATE ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION take_time(1)`)
    await sql(`CREATE TRIGGER after_writing AFTER UPDATE ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION take_time(1)`)
    await sql(
      `CREATE CONSTRAINT TRIGGER while_committing AFTER UPDATE ON ${table} DEFERRABLE INITIALLY DEFERRED
       FOR EACH ROW EXECUTE FUNCTION take_time(0.02)`,
    )
  }
}
