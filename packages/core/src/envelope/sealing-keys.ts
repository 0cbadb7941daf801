import { EnvelopeError } from '../errors.ts'
import type { Keys, SealingKey } from '../keys/contract.ts'
import type { EncryptionContext } from '../keys/key-provider.ts'
import { isKeyName, isWrapped } from './format.ts'

/** The keys for the rows of one batch. */
export interface SealingKeys {
  /** The key of the next row of this table. */
  next(table: string): SealingKey
  /** Releases every handle. */
  release(): void
}

/**
 * Takes keys for as many rows as each table has.
 *
 * @param rows the table of each row
 * @param contextOf the KMS encryption context of a table's rows
 * @throws the key layer's errors; then no handle stays held
 */
export async function takeSealingKeys(
  keys: Keys,
  rows: readonly { readonly table: string }[],
  contextOf: (table: string) => EncryptionContext,
): Promise<SealingKeys> {
  const counts = new Map<string, number>()
  for (const { table } of rows) counts.set(table, (counts.get(table) ?? 0) + 1)
  const held: SealingKey[] = []
  const queues = new Map<string, Iterator<SealingKey, undefined>>()
  const release = (): void => {
    for (const { key } of held.splice(0)) key.release()
  }
  const accept = (table: string, taken: readonly SealingKey[]): void => {
    held.push(...taken)
    for (const key of taken) refuseUnreadable(key)
    queues.set(table, slots(taken))
  }
  const waiting: Promise<void>[] = []
  for (const [table, count] of counts) {
    const context = contextOf(table)
    const ready = keys.readyForSealing(context, count)
    if (ready === undefined) waiting.push(keys.forSealing(context, count).then((taken) => accept(table, taken)))
    else {
      try {
        accept(table, ready)
      } catch (error) {
        // Not before the other tables' keys are here, which have to be released too.
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
    next(table) {
      const slot = queues.get(table)?.next()
      if (slot?.value === undefined) throw new Error('The key layer gave keys for too few rows')
      return slot.value
    },
    release,
  }
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
function refuseUnreadable({ kid, wrapped }: SealingKey): void {
  if (!isKeyName(kid)) throw new EnvelopeError('CONFIG', 'the name of a KMS key must match [A-Za-z0-9._-]{1,32}')
  if (!isWrapped(wrapped))
    throw new EnvelopeError('CONFIG', `the key provider "${kid}" wrapped a key into nothing, or into more than 6144 bytes`)
}
