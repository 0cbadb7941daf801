import { createHash } from 'node:crypto'
import { type Envelope, EnvelopeError, KeysNeeded, parseEnvelope, rowContext } from 'prisma-envelope/rows'
import type { Once, Outcome, Task } from '../batches/task.ts'
import { literal } from '../database/sql-text.ts'
import type { KeyToMove, MovedKeys } from '../keys/moved-keys.ts'
import type { StoredRow } from '../rows/stored-row.ts'
import type { Table } from '../rows/table.ts'

export interface RewrapOptions {
  /** The keyring's current KMS key. */
  readonly current: string
  /** Only rows under this KMS key. */
  readonly from: string | undefined
  /** All rows, also those under `current`: for a name that stands for another KMS key since. */
  readonly once: Once | undefined
  readonly keys: MovedKeys
  /** Whether rows that name a stored key are passed over, as that was wrapped anew where it is kept. */
  readonly areStoredDone: boolean
}

/** Wraps the keys of rows anew. What is sealed under them is not even read into a parameter. */
export function rewrapTask(table: Table, { current, from, once, keys, areStoredDone }: RewrapOptions): Task {
  const name = `t.${table.envelope} ->> 'kid'`
  const own = areStoredDone ? ` AND NOT coalesce(t.${table.envelope} ? 'bk', false)` : ''
  return {
    table,
    where: () =>
      from === undefined
        ? `t.${table.envelope} IS NOT NULL${once === undefined ? ` AND ${name} IS DISTINCT FROM ${literal(current)}` : ''}${own}`
        : `${name} = ${literal(from)}${own}`,
    assignments: [`${table.envelope} = t.${table.envelope} || v.p0`],
    returning: [`t.${table.envelope} @> v.p0`, sealedPart(table)],
    types: ['jsonb'],
    parameters: 1,
    async change(rows) {
      const wanted = rows.map((row) => keyOf(table, row))
      const found = wanted.map((key) => ('kind' in key ? key : keys.find(key)))
      const missing = wanted.filter((key, i): key is KeyToMove => found[i] === undefined && !('kind' in key))
      if (missing.length > 0) throw new KeysNeeded(() => keys.fetch(missing))
      return found.map((outcome, i): Outcome => {
        if (outcome === undefined) throw new Error('a key was neither found nor missing')
        if (outcome instanceof EnvelopeError) return refused(outcome.code, outcome.message)
        if (typeof outcome !== 'string') return outcome
        const { dek = '', ct } = (rows[i] as StoredRow).envelope as Envelope
        const digest = createHash('sha256').update(`${dek} ${ct}`).digest('hex')
        return {
          kind: 'write',
          parameters: [JSON.stringify({ kid: current, wk: wrappedAnew(wanted[i] as KeyToMove, outcome) })],
          accepts: ([holds, sealed]) => holds === 't' && sealed === digest,
        }
      })
    },
    ...(once !== undefined && { once }),
  }

  /** The current KMS key stands first and takes the place of the one that stood there; what other KMS keys wrapped stays. */
  function wrappedAnew({ forms }: KeyToMove, wrapped: string): unknown {
    const others = forms.slice(1).filter(([kid]) => kid !== current)
    return others.length === 0 ? wrapped : [[current, wrapped], ...others]
  }
}

/** A digest of what must not change, as the database computes it: it need not be sent back and forth. */
function sealedPart({ envelope }: Table): string {
  const text = `coalesce(t.${envelope} ->> 'dek', '') || ' ' || (t.${envelope} ->> 'ct')`
  return `encode(sha256(convert_to(${text}, 'UTF8')), 'hex')`
}

function keyOf(table: Table, { envelope: stored }: StoredRow): KeyToMove | Outcome {
  const parsed = parseEnvelope(stored)
  if (parsed === undefined) return refused('CANNOT_OPEN', 'the envelope column holds no envelope of a version that is known')
  const { envelope, wrapped } = parsed
  if (envelope.bk !== undefined)
    return refused(
      'UNSUPPORTED',
      'the envelope names a branch key of a key store: give `keyStore` in the configuration, and the key is wrapped anew there',
    )
  return { forms: wrapped, context: rowContext(table.identity, envelope.ctx) }
}

function refused(code: string, reason: string): Outcome {
  return { kind: 'refused', code, reason }
}
