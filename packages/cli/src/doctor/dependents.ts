import { type Queryable, type TextRow, textRows } from '../database/connection.ts'
import { literal } from '../database/sql-text.ts'
import { GUARD_PREFIX } from '../rows/guard-names.ts'
import { type Examined, numbersOf } from './catalog.ts'
import type { Diagnosis, Severity } from './diagnosis.ts'

/** Something that hangs on a table and copies, computes or checks what its encrypted columns hold. */
interface Dependents {
  /** Each row is one that was found; its columns go to `told`. */
  readonly query: (table: Examined, encrypted: string) => string
  readonly code: string
  readonly severity: Severity
  readonly meaning: (row: readonly string[]) => string
  readonly remedy: string
}

const KINDS: readonly Dependents[] = [
  {
    code: 'TRIGGER',
    severity: 'warning',
    query: ({ catalog }) =>
      `SELECT tgname, tgfoid::regproc FROM pg_trigger WHERE tgrelid = ${catalog.relation} AND NOT tgisinternal ORDER BY tgname`,
    meaning: ([name, calls]) =>
      `the trigger ${name} calls ${calls}: it sees placeholders and tokens from now on, and may have copied plaintext elsewhere`,
    remedy: 'read its function: see that it does not need plaintext, and where it copied rows to',
  },
  {
    code: 'RULE',
    severity: 'warning',
    query: ({ catalog }) => `SELECT rulename FROM pg_rewrite WHERE ev_class = ${catalog.relation} ORDER BY rulename`,
    meaning: ([name]) => `the rule ${name} rewrites statements on the table: it may copy rows, or write in plaintext`,
    remedy: 'replace it by a trigger that needs no plaintext, or drop it',
  },
  {
    code: 'GENERATED_COLUMN',
    severity: 'error',
    query: ({ catalog }, encrypted) =>
      `SELECT DISTINCT a.attname FROM pg_attribute a
       JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
       JOIN pg_depend p ON (p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid)
                        OR (p.classid = 'pg_class'::regclass AND p.objid = a.attrelid AND p.objsubid = a.attnum)
       WHERE a.attrelid = ${catalog.relation} AND a.attgenerated <> ''
         AND p.refclassid = 'pg_class'::regclass AND p.refobjid = a.attrelid AND p.refobjsubid = ANY (${encrypted}) ORDER BY 1`,
    meaning: ([name]) =>
      `the generated column ${name} is computed from an encrypted one: it holds what becomes of a token or placeholder, and plaintext until its row is encrypted`,
    remedy: 'drop it by a migration; compute such a value in the application, or seal it as a field of its own',
  },
  {
    code: 'CHECK',
    severity: 'error',
    query: ({ catalog }, encrypted) =>
      `SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = ${catalog.relation} AND contype = 'c'
       AND conkey && ${encrypted} AND NOT starts_with(conname, ${literal(GUARD_PREFIX)}) ORDER BY conname`,
    meaning: ([name, definition]) => `the constraint ${name} checks an encrypted column: ${definition}`,
    remedy: 'drop it: it sees placeholders and tokens. Check such values in the application',
  },
  {
    code: 'VIEW',
    severity: 'note',
    query: (table, encrypted) => viewQuery(table, encrypted, 'v'),
    meaning: ([name]) => `the view ${name} reads encrypted columns: it shows placeholders and tokens`,
    remedy: 'see that nobody needs plaintext from it',
  },
  {
    code: 'MATERIALIZED_VIEW',
    severity: 'warning',
    query: (table, encrypted) => viewQuery(table, encrypted, 'm'),
    meaning: ([name]) =>
      `the materialized view ${name} holds a copy of encrypted columns, as they were when it was last refreshed`,
    remedy: 'refresh it once the rows are encrypted, or drop it',
  },
  {
    code: 'PUBLICATION',
    severity: 'warning',
    query: ({ catalog }) =>
      `SELECT p.pubname FROM pg_publication_tables p JOIN pg_class c ON c.relname = p.tablename
       JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = p.schemaname WHERE c.oid = ${catalog.relation} ORDER BY 1`,
    meaning: ([name]) =>
      `the publication ${name} sends the table's rows to subscribers: they hold plaintext of rows that were not encrypted when sent`,
    remedy: 'see who subscribes, what they do with plaintext, and that they apply the updates of `encrypt`',
  },
  {
    code: 'REPLICA_IDENTITY',
    severity: 'warning',
    query: ({ catalog }, encrypted) =>
      `SELECT CASE c.relreplident WHEN 'f' THEN 'FULL' ELSE 'an index' END FROM pg_class c WHERE c.oid = ${catalog.relation}
       AND (c.relreplident = 'f' OR EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident AND i.indkey::int2[] && ${encrypted}))`,
    meaning: ([identity]) =>
      `the replica identity is ${identity}: each update also sends the row's old values, so \`encrypt\` sends the plaintext that it replaces`,
    remedy: 'ALTER TABLE … REPLICA IDENTITY DEFAULT, or an index without encrypted columns',
  },
  {
    code: 'ROW_SECURITY',
    severity: 'warning',
    query: ({ catalog }) => `SELECT current_user WHERE row_security_active(${catalog.relation})`,
    meaning: ([user]) =>
      `row security hides rows of the table from ${user}: this and every other command sees a part of them only`,
    remedy: 'give the command line a user with BYPASSRLS, or the owner of the table',
  },
  {
    code: 'POLICY',
    severity: 'error',
    query: ({ catalog }, encrypted) =>
      `SELECT DISTINCT y.polname FROM pg_policy y JOIN pg_depend p ON p.classid = 'pg_policy'::regclass AND p.objid = y.oid
       WHERE y.polrelid = ${catalog.relation} AND p.refclassid = 'pg_class'::regclass AND p.refobjid = y.polrelid
         AND p.refobjsubid = ANY (${encrypted}) ORDER BY 1`,
    meaning: ([name]) => `the policy ${name} decides by an encrypted column, which holds placeholders or tokens`,
    remedy: 'let it decide by a column that is not encrypted',
  },
]

/** Views that read an encrypted column, directly or by other views. */
function viewQuery({ catalog }: Examined, encrypted: string, kind: 'v' | 'm'): string {
  const viewsOf = (condition: string): string =>
    `SELECT r.ev_class FROM pg_depend p JOIN pg_rewrite r ON p.classid = 'pg_rewrite'::regclass AND r.oid = p.objid
     WHERE p.refclassid = 'pg_class'::regclass AND ${condition}`
  return `WITH RECURSIVE readers(oid) AS (
      ${viewsOf(`p.refobjid = ${catalog.relation} AND p.refobjsubid = ANY (${encrypted})`)}
      UNION SELECT r.ev_class FROM readers s JOIN pg_depend p ON p.refclassid = 'pg_class'::regclass AND p.refobjid = s.oid
        JOIN pg_rewrite r ON p.classid = 'pg_rewrite'::regclass AND r.oid = p.objid)
    SELECT c.oid::regclass FROM readers JOIN pg_class c USING (oid) WHERE c.relkind = '${kind}' AND c.oid <> ${catalog.relation} ORDER BY 1`
}

export async function dependentFindings(sql: Queryable, table: Examined): Promise<readonly Diagnosis[]> {
  const encrypted = numbersOf(table, [...table.placeholders, ...table.tokens])
  const findings: Diagnosis[] = []
  for (const { query, code, severity, meaning, remedy } of KINDS) {
    for (const row of await textRows(sql, query(table, encrypted)))
      findings.push({ severity, code, model: table.model, meaning: meaning(texts(row)), remedy })
  }
  return findings
}

function texts(row: TextRow): readonly string[] {
  return row.map((text) => text ?? '')
}
