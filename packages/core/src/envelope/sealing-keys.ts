import { EnvelopeError } from '../errors.ts'
import type { Keys, SealingKey } from '../keys/contract.ts'
import { isBranchKeyId, isKeyName, isWrapped } from './format.ts'
import type { RowScope } from './row-scope.ts'

/** A row, as far as the choice of its key goes. */
export interface RowInScope {
  readonly scope: RowScope
  /** Name in the keyring; its current key where it is absent. */
  readonly kid: string | undefined
}

/** The keys for the rows of one batch. */
export interface SealingKeys {
  /** The key of the next row of these that share table, context and KMS key. */
  next(row: RowInScope): SealingKey
  /** Releases every handle. */
  release(): void
}

interface Group {
  readonly row: RowInScope
  rows: number
  slots: Iterator<SealingKey, undefined> | undefined
}

/**
 * Takes keys for as many rows as each table, context and KMS key has.
 *
 * @throws the key layer's errors; then no handle stays held
 */
export async function takeSealingKeys(keys: Keys, rows: readonly RowInScope[]): Promise<SealingKeys> {
  const groups = new Map<string, Group>()
  let last: Group | undefined
  // Most rows of a batch are of one group, which costs less to compare than to look up.
  const groupOf = (row: RowInScope): Group | undefined => {
    if (last?.row.scope !== row.scope || last.row.kid !== row.kid) last = groups.get(idOf(row))
    return last
  }
  for (const row of rows) {
    const group = groupOf(row)
    if (group !== undefined) group.rows += 1
    else {
      last = { row, rows: 1, slots: undefined }
      groups.set(idOf(row), last)
    }
  }
  const held: SealingKey[] = []
  const release = (): void => {
    for (const { key } of held.splice(0)) key.release()
  }
  const accept = (group: Group, taken: readonly SealingKey[]): void => {
    held.push(...taken)
    for (const key of taken) refuseUnreadable(key)
    group.slots = slots(taken)
  }
  const waiting: Promise<void>[] = []
  for (const group of groups.values()) {
    const scope = { context: group.row.scope.kmsContext, kid: group.row.kid }
    const ready = keys.readyForSealing(scope, group.rows)
    if (ready === undefined) waiting.push(keys.forSealing(scope, group.rows).then((taken) => accept(group, taken)))
    else {
      try {
        accept(group, ready)
      } catch (error) {
        // Not before the other groups' keys are here, which have to be released too.
        waiting.push(Promise.reject(error))
      }
    }
  }
  const asked = waiting.length === 0 ? [] : await Promise.allSettled(waiting)
  const failure = asked.find((outcome) => outcome.status === 'rejected')
  if (failure !== undefined) {
    release()
    throw failure.reason
  }
  return {
    next(row) {
      const slot = groupOf(row)?.slots?.next()
      if (slot?.value === undefined) throw new Error('The key layer gave keys for too few rows')
      return slot.value
    },
    release,
  }
}

/** Key names hold no space. The context holds the table. */
function idOf({ scope, kid = '' }: RowInScope): string {
  return `${kid} ${scope.contextId}`
}

/** Each key as often as it may be used. */
function* slots(keys: readonly SealingKey[]): Generator<SealingKey, undefined> {
  for (const key of keys) {
    const rows = key.mode === 'direct' ? 1 : key.rows
    for (let i = 0; i < rows; i++) yield key
  }
  return undefined
}

/** What no reader would take must not be written either: the row would be lost. */
function refuseUnreadable({ kid, wrapped, stored }: SealingKey): void {
  if (!isKeyName(kid)) throw new EnvelopeError('CONFIG', 'the name of a KMS key must match [A-Za-z0-9._-]{1,32}')
  if (stored !== undefined) {
    if (isBranchKeyId(stored)) return
    throw new EnvelopeError('CONFIG', 'the id of a key of the key store must match [A-Za-z0-9._-]{1,64}')
  }
  if (!isWrapped(wrapped))
    throw new EnvelopeError('CONFIG', `the key provider "${kid}" wrapped a key into nothing, or into more than 6144 bytes`)
}
