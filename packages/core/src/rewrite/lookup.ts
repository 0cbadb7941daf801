import type { Expectation } from './field-filter.ts'
import type { EncryptedField, Model } from './model.ts'
import { foreignWrite, type Row, type RowRecord, recordedValue, valueOfColumn } from './opened-row.ts'
import type { Rewriting } from './rewriting.ts'

/** A comparison that waits for the tokens of what was found. */
type Comparison = () => void

/**
 * Asks for the tokens of an opened row's own values, to be compared with those it was looked up by: a token pasted into another row must not
 * make that row the answer.
 *
 * @returns comparisons to run once `rewriting` is settled; each throws `FOREIGN_WRITE` on a mismatch.
 */
export function comparisonsOf(
  row: Row,
  opened: RowRecord,
  model: Model,
  expectations: readonly Expectation[],
  rewriting: Rewriting,
): readonly Comparison[] {
  return expectations.map(({ field, tokens }) => {
    const value = recordedValue(opened.record, field)
    if (field.mode !== 'strict' && value === undefined) return () => refuseBareToken(row, model, field, rewriting)
    const found: { token?: string } = {}
    if (typeof value === 'string') {
      const scope = (field.search?.scope ?? []).flatMap((name) => {
        const column = model.plan.columns[name]
        return column === undefined ? [] : [rewriting.tools.bind(column, row[name])]
      })
      rewriting.token(field, value, scope, (token) => {
        found.token = token
      })
    }
    return () => {
      if (found.token === undefined || !tokens.includes(found.token)) {
        throw foreignWrite(row, model, field, rewriting, 'holds the token of another value')
      }
    }
  })
}

/** A value that no envelope holds was found by its column, as far as the column is no token. */
function refuseBareToken(row: Row, model: Model, field: EncryptedField, rewriting: Rewriting): void {
  valueOfColumn(field, row[field.name], row, model, rewriting)
}

/** {@link comparisonsOf} one row, at once. */
export async function compareFound(
  row: Row,
  opened: RowRecord,
  model: Model,
  expectations: readonly Expectation[],
  rewriting: Rewriting,
): Promise<void> {
  if (expectations.length === 0) return
  const comparisons = comparisonsOf(row, opened, model, expectations, rewriting)
  await rewriting.settle()
  for (const compare of comparisons) compare()
}
