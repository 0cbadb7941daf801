import type { KeyStorePlan } from 'prisma-envelope/plan'
import { keyStoreModels } from '../annotation/annotated-model.ts'
import type { Report } from '../problems.ts'
import { checkKeyStore, KEY_STORE_FIELDS } from '../rules/key-store.ts'
import { columnOf, type Schema } from './dmmf.ts'
import { tablePlan } from './plan.ts'

/** Where the key store is, if the schema has one. Sound only if nothing was refused in the report. */
export function buildKeyStore(schema: Schema, report: Report): KeyStorePlan | undefined {
  const [model, ...others] = keyStoreModels(schema, report)
  for (const other of others)
    report.refuse({ model: other.name }, `there is one key store, and ${model?.name} is it already; remove @envelopeKeys here`)
  if (model === undefined) return undefined
  checkKeyStore(schema, model, report)
  const columns = Object.fromEntries(KEY_STORE_FIELDS.map((field) => [field, columnOf(model, field)]))
  return { model: model.name, table: tablePlan(model, undefined), columns: columns as KeyStorePlan['columns'] }
}
