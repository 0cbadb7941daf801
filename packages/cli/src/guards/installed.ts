import type { ModelPlan } from 'prisma-envelope/rows'
import { type Queryable, textRows } from '../database/connection.ts'
import { literal, tableOf } from '../database/sql-text.ts'
import { GUARD_PREFIX } from '../rows/guard-names.ts'
import type { Guard } from './guard.ts'

/** A constraint of a guard's name, as the catalog has it. */
export interface InstalledGuard {
  readonly name: string
  readonly validated: boolean
  readonly comment: string | null
  /** Columns that it reads. */
  readonly columns: readonly string[]
}

export async function installedGuards(sql: Queryable, plan: ModelPlan): Promise<readonly InstalledGuard[]> {
  const rows = await textRows(
    sql,
    `SELECT c.conname, c.convalidated, obj_description(c.oid, 'pg_constraint'),
            (SELECT json_agg(a.attname) FROM pg_attribute a WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey))
     FROM pg_constraint c
     WHERE c.conrelid = to_regclass(${literal(tableOf(plan))}) AND c.contype = 'c' AND starts_with(c.conname, ${literal(GUARD_PREFIX)})
     ORDER BY c.conname`,
  )
  return rows.map(([name, validated, comment = null, columns]) => ({
    name: name as string,
    validated: validated === 't',
    comment,
    columns: JSON.parse(columns ?? '[]') as string[],
  }))
}

/** What is to be done so that a table has exactly these guards. */
export interface GuardChanges {
  /** Not there, or of another definition. */
  readonly toAdd: readonly Guard[]
  /** Names of those that are there as they should be, but not validated. */
  readonly toValidate: readonly string[]
  /** Names of those that nothing asks for: of columns that were renamed, or are not encrypted any more. */
  readonly leftOver: readonly string[]
}

/** @param all guards of all of the model's fields: what is none of these is left over. */
export function guardChanges(
  installed: readonly InstalledGuard[],
  wanted: readonly Guard[],
  all: readonly Guard[],
): GuardChanges {
  const isThere = ({ name, comment }: Guard): boolean => installed.some((one) => one.name === name && one.comment === comment)
  const known = new Set(all.map(({ name }) => name))
  return {
    toAdd: wanted.filter((guard) => !isThere(guard)),
    toValidate: wanted
      .filter((guard) => isThere(guard) && installed.some(({ name, validated }) => name === guard.name && !validated))
      .map(({ name }) => name),
    leftOver: installed.map(({ name }) => name).filter((name) => !known.has(name)),
  }
}
