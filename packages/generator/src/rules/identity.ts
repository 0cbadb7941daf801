import type { ModelsPlan } from 'prisma-envelope/plan'
import type { Report } from '../problems.ts'

/** Stored bytes are bound to identities; two of the same would let one table's rows open as another's. */
export function checkIdentities(models: ModelsPlan, report: Report): void {
  const tables = new Map<string, string>()
  for (const [model, { table, columns, envelope }] of Object.entries(models)) {
    if (envelope === undefined) continue
    const twin = tables.get(table.identity)
    if (twin !== undefined)
      report.refuse({ model }, `${twin} has the identity "${table.identity}" too; change as: in the @envelope of one of them`)
    tables.set(table.identity, model)
    const fields = new Map<string, string>()
    for (const [field, { encrypted }] of Object.entries(columns)) {
      if (encrypted === undefined) continue
      const other = fields.get(encrypted.identity)
      if (other !== undefined)
        report.refuse({ model, field }, `${other} has the identity "${encrypted.identity}" too; change as: of one of them`)
      fields.set(encrypted.identity, field)
    }
  }
}
