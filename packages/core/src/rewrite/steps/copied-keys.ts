import type { Model } from '../model.ts'
import type { Row } from '../opened-row.ts'
import { keysFilter, sealedFields, selectOf } from '../row-key.ts'
import { type ClaimedRow, claim, rebind } from './claim.ts'
import { lockRow } from './row-lock.ts'
import type { Steps } from './steps.ts'

/** A row that is bound to a copy of another row's key, which `ON UPDATE CASCADE` is about to change. */
export interface BoundCopy {
  readonly claimed: ClaimedRow
  /** The row once the other one is `after`. */
  readonly following: (after: Row) => Row
}

/**
 * Locks all rows that are bound to a key of `row`, through however many foreign keys.
 *
 * @param changing the fields that are about to change.
 */
export async function claimCopies(
  steps: Steps,
  model: Model,
  row: Row,
  changing: readonly string[],
): Promise<readonly BoundCopy[]> {
  const copies: BoundCopy[] = []
  const holders = [...model.relations.values()].filter(({ opposite }) =>
    opposite.to.some((name) => changing.includes(name) && model.referencedByBound.has(name)),
  )
  // From here on nobody else can make a row reference this one.
  if (holders.length > 0) await lockRow(steps.session, model, row)
  for (const { model: holder, opposite } of holders) {
    const { from, to } = opposite
    const where = Object.fromEntries(from.map((name, i) => [name, row[to[i] as string]]))
    const select = selectOf(sealedFields(holder))
    for (const found of (await steps.session.run(holder, 'findMany', { where, select })) as Row[]) {
      const bound = from.some((name) => holder.sealing?.boundNames.has(name) === true)
      const claimed = bound ? await claim(steps, holder, { AND: [where, keysFilter(holder, [found])] }) : undefined
      if (claimed === undefined && bound) continue
      const held = claimed?.row ?? found
      const following = (after: Row): Row => ({
        ...held,
        ...Object.fromEntries(from.map((name, i) => [name, after[to[i] as string]])),
      })
      if (claimed !== undefined) copies.push({ claimed, following })
      for (const copy of await claimCopies(steps, holder, held, from)) {
        copies.push({ claimed: copy.claimed, following: (after) => copy.following(following(after)) })
      }
    }
  }
  return copies
}

/** Seals the rows for the key that they have now. */
export async function rebindCopies(steps: Steps, copies: readonly BoundCopy[], after: Row): Promise<void> {
  for (const { claimed, following } of copies) await rebind(steps, claimed, following(after))
}
