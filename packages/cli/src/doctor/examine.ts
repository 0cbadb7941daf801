import type { KeyStorePlan, ModelPlan } from 'prisma-envelope/rows'
import type { Connection } from '../database/connection.ts'
import { tableOf } from '../database/sql-text.ts'
import { catalogOf, type Examined, examined } from './catalog.ts'
import { columnFindings } from './columns.ts'
import { dependentFindings } from './dependents.ts'
import type { Diagnosis } from './diagnosis.ts'
import { foreignKeyFindings } from './foreign-keys.ts'
import { guardFindings } from './guards.ts'
import { indexFindings } from './indexes.ts'
import { type StoredKeys, storedKeys } from './stored-keys.ts'

export interface ExamineOptions {
  readonly requireGuards: boolean
  readonly estimate: boolean
  readonly keyStore: KeyStorePlan | undefined
}

export interface Examination {
  readonly findings: readonly Diagnosis[]
  /** Undefined where the rows could not be looked at. */
  readonly stored: StoredKeys | undefined
}

/** Compares a model with its table. What can't be looked at is a finding, and the rest goes on. */
export async function examine(
  sql: Connection,
  model: string,
  plan: ModelPlan,
  fields: ReadonlySet<string>,
  { requireGuards, estimate, keyStore }: ExamineOptions,
): Promise<Examination> {
  const findings: Diagnosis[] = []
  let stored: StoredKeys | undefined
  await surviving(model, findings, async () => {
    const catalog = await catalogOf(sql, plan)
    if (catalog === undefined) {
      findings.push({
        severity: 'error',
        code: 'TABLE_MISSING',
        model,
        meaning: `the database has no table ${tableOf(plan)}`,
        remedy:
          'apply your migrations, or run `prisma generate` if the schema is older than the database; see `schema` in the URL, too',
      })
      return
    }
    const table: Examined = examined(model, plan, catalog)
    const looks = [
      () => columnFindings(sql, model, plan, catalog),
      () => guardFindings(sql, table, fields, requireGuards),
      () => indexFindings(sql, table),
      () => foreignKeyFindings(sql, table),
      () => dependentFindings(sql, table),
    ]
    for (const look of looks) await surviving(model, findings, async () => void findings.push(...(await look())))
    if (catalog.columns.get(plan.envelope?.column ?? '')?.type !== 'jsonb') return
    await surviving(model, findings, async () => {
      stored = await storedKeys(sql, table, estimate, keyStore)
    })
  })
  return { findings, stored }
}

/** Runs `look`; that the database refuses or can't be reached is a finding. */
export async function surviving(model: string, findings: Diagnosis[], look: () => Promise<void>): Promise<void> {
  try {
    await look()
  } catch (error) {
    const { code } = error as { code?: unknown }
    if (typeof code !== 'string') throw error
    const isDenied = code === '42501'
    const finding: Diagnosis = isDenied
      ? {
          severity: 'error',
          code: 'NOT_READABLE',
          model,
          meaning: "the database's user may not read the table",
          remedy: 'GRANT SELECT on it, and USAGE on its schema',
        }
      : {
          severity: 'error',
          code: 'DATABASE',
          model,
          meaning: `the database could not be asked: ${code}`,
          remedy: 'see that it can be reached, and try again',
        }
    if (!findings.some((known) => known.code === finding.code && known.meaning === finding.meaning)) findings.push(finding)
  }
}
