import { EnvelopeError, type KeyStorePlan, type OpenedRow, type RowCipher } from 'prisma-envelope/rows'
import type { Once, Outcome, Task } from '../batches/task.ts'
import { columnsOf, literal, tableOf } from '../database/sql-text.ts'
import type { Placement } from '../rows/placement.ts'
import { type CipherOf, openRows, type SealedRow, sealAndReopen } from '../rows/reopened.ts'
import type { StoredRow } from '../rows/stored-row.ts'
import type { Table } from '../rows/table.ts'

/**
 * Gives rows a fresh DEK. Columns stay as they are: a value that something without the extension wrote there is still newer than the sealed one.
 *
 * @param scope rows under one KMS key, of which those that are done are told by their key; or all rows, once
 */
export function reencryptTask(
  table: Table,
  scope: { readonly from: string; readonly keyStore: KeyStorePlan | undefined } | { readonly once: Once | undefined },
  { keyOf }: Placement,
): Task {
  const where = 'from' in scope ? isUnder(table, scope.from, scope.keyStore) : `t.${table.envelope} IS NOT NULL`
  return {
    table,
    where: () => where,
    assignments: [`${table.envelope} = v.p0`],
    returning: [`t.${table.envelope} = v.p0`],
    types: ['jsonb'],
    parameters: 1,
    change,
    ...('once' in scope && scope.once !== undefined && { once: scope.once }),
  }

  async function change(rows: readonly StoredRow[], cipher: RowCipher, cipherOf: CipherOf): Promise<readonly Outcome[]> {
    const opened = await openRows(
      cipher,
      rows.map(({ binding, envelope }) => ({ table: table.identity, binding, envelope })),
    )
    const outcomes = opened.map((result): Outcome | undefined =>
      result instanceof EnvelopeError ? { kind: 'refused', code: result.code, reason: result.message } : undefined,
    )
    const places = opened.flatMap((result, at) => (result instanceof EnvelopeError ? [] : [at]))
    const sealed = await sealAndReopen(
      cipherOf,
      places.map((at) => {
        const { record, envelope } = opened[at] as OpenedRow
        const row = rows[at] as StoredRow
        return { table: table.identity, binding: row.binding, record, context: envelope.ctx, kid: keyOf(table, row) }
      }),
    )
    places.forEach((at, i) => {
      outcomes[at] = { kind: 'write', parameters: [(sealed[i] as SealedRow).text], accepts: ([same]) => same === 't' }
    })
    return outcomes as readonly Outcome[]
  }
}

/** What wraps a stored key, the key store says. */
function isUnder({ envelope }: Table, kid: string, keyStore: KeyStorePlan | undefined): string {
  const carried = `t.${envelope} ->> 'kid' = ${literal(kid)}`
  if (keyStore === undefined) return carried
  const c = columnsOf(keyStore)
  const named = `t.${envelope} ->> 'bk' IN (SELECT ${c.id} FROM ${tableOf(keyStore)} WHERE ${c.kid} = ${literal(kid)} AND ${c.wrapped} IS NOT NULL)`
  return `CASE WHEN t.${envelope} ? 'bk' THEN ${named} ELSE ${carried} END`
}
