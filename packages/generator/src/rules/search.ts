import type { ColumnPlan, ModelsPlan, SearchPlan } from 'prisma-envelope/plan'
import type { EncryptedAnnotation } from '../annotation/annotation.ts'
import { nearest } from '../annotation/nearest.ts'
import type { Report } from '../problems.ts'

/** Where a searchable field belongs. */
export interface SearchedField {
  readonly model: string
  readonly field: string
  readonly table: string
  readonly identity: string
}

/** How the tokens of a field are made; its scope must be among the bound fields. */
export function searchPlan(
  searched: SearchedField,
  { index, normalize, scope }: EncryptedAnnotation,
  columns: Readonly<Record<string, ColumnPlan>>,
  bind: readonly string[],
  report: Report,
): SearchPlan {
  for (const name of scope) {
    if (bind.includes(name)) continue
    const known = Object.keys(columns)
    const meant = known.includes(name) ? undefined : nearest(name, known)
    const remedy = known.includes(name)
      ? `add it there: @envelope(bind: [${name}])`
      : meant === undefined
        ? 'name fields of this model'
        : `did you mean ${meant}?`
    report.refuse(searched, `scope: ${name} is not among the bound fields; ${remedy}`)
  }
  return { index: index ?? implicitIndex(searched), normalize, scope }
}

function implicitIndex({ table, identity }: SearchedField): string {
  return `${table}.${identity}`
}

/** Fields with the same index key must be meant to share it, and must normalize alike, or equal values would have unequal tokens. */
export function checkSharedIndexes(models: ModelsPlan, report: Report): void {
  const seen = new Map<string, SearchedField & { readonly normalize: string }>()
  for (const [model, { table, columns }] of Object.entries(models)) {
    for (const [field, { encrypted }] of Object.entries(columns)) {
      if (encrypted?.search === undefined) continue
      const { index, normalize } = encrypted.search
      const current = { model, field, table: table.identity, identity: encrypted.identity, normalize: normalize.join(', ') }
      const first = seen.get(index)
      if (first === undefined) {
        seen.set(index, current)
        continue
      }
      const other = `${first.model}.${first.field}`
      if (index === implicitIndex(current) || index === implicitIndex(first)) {
        report.refuse(
          current,
          `its index "${index}" is that of ${other} too, which names none; give both a name of their own: index: …`,
        )
      } else if (first.normalize !== current.normalize) {
        report.refuse(
          current,
          `it shares the index "${index}" with ${other}, but normalizes otherwise; write normalize: [${first.normalize}]`,
        )
      }
    }
  }
}
