import { sameContext } from './context.ts'
import type { KeyToUnwrap } from './contract.ts'
import type { EncryptionContext } from './key-provider.ts'

/** One key, and the places in the list of requests where it is asked for. */
export interface DistinctKey {
  readonly request: KeyToUnwrap
  /** {@link contextId} of the request's context. */
  readonly context: string
  readonly places: number[]
}

/** Contexts are frozen, and the rows of a table share one. */
const contextIds = new WeakMap<EncryptionContext, string>()

/** Stands for a context wherever keys are looked up: never stored, so cheaper than its canonical encoding. */
export function contextId(context: EncryptionContext): string {
  let id = contextIds.get(context)
  if (id === undefined) {
    id = JSON.stringify(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1)))
    if (Object.isFrozen(context)) contextIds.set(context, id)
  }
  return id
}

/** Stands for key name, context and wrapped bytes together. The lengths keep a hostile envelope from shifting one into the other. */
export function keyId(kid: string, context: string, wrapped: string): string {
  return `${kid.length} ${context.length} ${kid}${context}${wrapped}`
}

/**
 * Rows that were written together stand together, and have the same key: comparing with the request before costs a tenth of hashing the
 * wrapped key.
 */
export function distinctKeys(requests: readonly KeyToUnwrap[]): readonly DistinctKey[] {
  const distinct: DistinctKey[] = []
  const byWrapped = new Map<string, DistinctKey[]>()
  let last: DistinctKey | undefined

  for (const [place, request] of requests.entries()) {
    if (last === undefined || !sameKey(last.request, request)) {
      const namesakes: DistinctKey[] = byWrapped.get(request.wrapped) ?? []
      let key = namesakes.find((namesake) => sameKey(namesake.request, request))
      if (key === undefined) {
        const context: string =
          last !== undefined && sameContext(last.request.context, request.context) ? last.context : contextId(request.context)
        key = { request, context, places: [] }
        namesakes.push(key)
        byWrapped.set(request.wrapped, namesakes)
        distinct.push(key)
      }
      last = key
    }
    last.places.push(place)
  }
  return distinct
}

function sameKey(a: KeyToUnwrap, b: KeyToUnwrap): boolean {
  return a.wrapped === b.wrapped && a.kid === b.kid && sameContext(a.context, b.context)
}
