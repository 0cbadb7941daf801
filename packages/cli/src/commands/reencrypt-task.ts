import { EnvelopeError, type OpenedRow, type RowCipher } from 'prisma-envelope/rows'
import type { Once, Outcome, Task } from '../batches/task.ts'
import { literal } from '../database/sql-text.ts'
import { type CipherOf, openRows, type SealedRow, sealAndReopen } from '../rows/reopened.ts'
import type { StoredRow } from '../rows/stored-row.ts'
import type { Table } from '../rows/table.ts'

/**
 * Gives rows a fresh DEK. Columns stay as they are: a value that something without the extension wrote there is still newer than the sealed one.
 *
 * @param scope rows under one KMS key, of which those that are done are told by their key; or all rows, once
 */
export function reencryptTask(table: Table, scope: { readonly from: string } | { readonly once: Once | undefined }): Task {
  const where = 'from' in scope ? `t.${table.envelope} ->> 'kid' = ${literal(scope.from)}` : `t.${table.envelope} IS NOT NULL`
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
        return { table: table.identity, binding: (rows[at] as StoredRow).binding, record, context: envelope.ctx }
      }),
    )
    places.forEach((at, i) => {
      outcomes[at] = { kind: 'write', parameters: [(sealed[i] as SealedRow).text], accepts: ([same]) => same === 't' }
    })
    return outcomes as readonly Outcome[]
  }
}
