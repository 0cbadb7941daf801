import type { ModelPlan } from 'prisma-envelope/rows'
import { literal, quoted, tableOf } from '../database/sql-text.ts'
import type { Guard } from './guard.ts'

/** One transaction: its statements hold their locks together, and not a moment longer. */
export type Transaction = readonly string[]

/**
 * Adds guards without looking at the rows, which takes a lock that excludes everybody for a moment only. What has one of the names is replaced.
 *
 * @param leftOver names of constraints to drop beside
 */
export function addGuards(plan: ModelPlan, guards: readonly Guard[], leftOver: readonly string[] = []): Transaction {
  const table = tableOf(plan)
  const changes = [
    ...[...leftOver, ...guards.map(({ name }) => name)].map((name) => `DROP CONSTRAINT IF EXISTS ${quoted(name)}`),
    ...guards.map(({ name, condition }) => `ADD CONSTRAINT ${quoted(name)} CHECK (${condition}) NOT VALID`),
  ]
  return [
    alter(table, changes),
    ...guards.map(({ name, comment }) => `COMMENT ON CONSTRAINT ${quoted(name)} ON ${table} IS ${literal(comment)}`),
  ]
}

/** Looks at all rows, once for all guards, while others read and write. */
export function validateGuards(plan: ModelPlan, names: readonly string[]): Transaction {
  return [
    alter(
      tableOf(plan),
      names.map((name) => `VALIDATE CONSTRAINT ${quoted(name)}`),
    ),
  ]
}

export function dropGuards(plan: ModelPlan, names: readonly string[]): Transaction {
  return [
    alter(
      tableOf(plan),
      names.map((name) => `DROP CONSTRAINT IF EXISTS ${quoted(name)}`),
    ),
  ]
}

/** For `psql`, and for Prisma Migrate, which sends a file as a whole: so each transaction has to say where it ends. */
export function scriptOf(transactions: readonly Transaction[]): string {
  return transactions
    .map((statements) => ['BEGIN', `SET LOCAL lock_timeout = '5s'`, ...statements, 'COMMIT'].map((line) => `${line};\n`).join(''))
    .join('\n')
}

function alter(table: string, changes: readonly string[]): string {
  return `ALTER TABLE ${table}\n  ${changes.join(',\n  ')}`
}
