import type { Queryable } from '../database/connection.ts'
import { guardsOf } from '../guards/guard.ts'
import { installedGuards } from '../guards/installed.ts'
import type { Examined } from './catalog.ts'
import type { Diagnosis, Severity } from './diagnosis.ts'

/** @param required whether it is an error that the database would take plaintext */
export async function guardFindings(
  sql: Queryable,
  { model, plan }: Examined,
  fields: ReadonlySet<string>,
  required: boolean,
): Promise<readonly Diagnosis[]> {
  const installed = await installedGuards(sql, plan)
  const wanted = guardsOf(plan, fields)
  const named = new Map(installed.map((guard) => [guard.name, guard]))
  const severity: Severity = required ? 'error' : 'warning'
  const remedy = `run \`prisma-envelope-cli guard --apply ${model}\`, once no row and no writer is in plaintext any more`
  const findings: Diagnosis[] = []
  const tell = (code: string, guards: readonly { readonly field: string }[], meaning: string): void => {
    if (guards.length > 0)
      findings.push({ severity, code, model, meaning: `${meaning}: ${guards.map(({ field }) => field).join(', ')}`, remedy })
  }
  const missing = wanted.filter(({ name }) => !named.has(name))
  const outdated = wanted.filter(({ name, comment }) => named.has(name) && named.get(name)?.comment !== comment)
  const unvalidated = wanted.filter((guard) => named.get(guard.name)?.validated === false && !outdated.includes(guard))
  tell('GUARD_MISSING', missing, 'the database takes plaintext, from a client without the extension, into')
  tell('GUARD_OUTDATED', outdated, 'the database has a guard of another definition (an older placeholder, or type) on')
  tell(
    'GUARD_NOT_VALIDATED',
    unvalidated,
    'the guard was never validated: rows from before may hold plaintext, and updates of them fail, on',
  )

  const known = new Set(guardsOf(plan, new Set(Object.keys(plan.columns))).map(({ name }) => name))
  for (const { name, columns } of installed.filter((guard) => !known.has(guard.name)))
    findings.push({
      severity: 'error',
      code: 'GUARD_LEFT_OVER',
      model,
      meaning: `the constraint ${name} guards ${columns.join(', ')}, which the schema does not have as encrypted under this name: it refuses plaintext there`,
      remedy: `run \`prisma-envelope-cli guard --apply ${model}\`, which drops it`,
    })
  return findings
}
