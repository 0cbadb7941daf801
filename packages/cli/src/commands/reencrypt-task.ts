import { type Envelope, EnvelopeError, type OpenedRow, type RowCipher, type RowToSeal } from 'prisma-envelope/rows'
import type { CipherOf, Once, Outcome, Task } from '../batches/task.ts'
import { literal } from '../database/sql-text.ts'
import { openRows, sealAndReopen } from '../rows/reopened.ts'
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
    for (const [context, places] of byContext(opened)) {
      const toSeal = places.map(
        (at): RowToSeal => ({
          table: table.identity,
          binding: (rows[at] as StoredRow).binding,
          record: (opened[at] as OpenedRow).record,
        }),
      )
      const sealed = await sealAndReopen(cipherOf(context), toSeal)
      places.forEach((at, i) => {
        outcomes[at] = { kind: 'write', parameters: [JSON.stringify(sealed[i])], accepts: ([same]) => same === 't' }
      })
    }
    return outcomes as readonly Outcome[]
  }
}

/** Places of the rows that opened, by the extra context that they were sealed under and keep. */
function byContext(opened: readonly (OpenedRow | EnvelopeError)[]): ReadonlyMap<Envelope['ctx'], readonly number[]> {
  const contexts = new Map<string, Envelope['ctx']>()
  const places = new Map<Envelope['ctx'], number[]>()
  opened.forEach((result, at) => {
    if (result instanceof EnvelopeError) return
    const id = JSON.stringify(result.envelope.ctx ?? {})
    if (!contexts.has(id)) contexts.set(id, result.envelope.ctx)
    const context = contexts.get(id)
    const others = places.get(context)
    if (others === undefined) places.set(context, [at])
    else others.push(at)
  })
  return places
}
