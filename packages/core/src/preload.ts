import { rowContext } from './keys/context.ts'
import type { Keys } from './keys/contract.ts'
import type { ManualEnvelope } from './rewrite/manual.ts'
import type { Models } from './rewrite/model.ts'

/** `$envelope.preload`. */
export function preloader(models: Models, keys: Keys, wrap: 'stored' | 'branch' | 'direct'): ManualEnvelope['preload'] {
  return async ({ contexts = [{}] } = {}) => {
    const tables = new Set<string>()
    for (const { plan, sealing } of models.values()) if (sealing !== undefined) tables.add(plan.table.identity)
    const scopes = [...tables].flatMap((table) => contexts.map((context) => ({ context: rowContext(table, context) })))
    const work = wrap === 'direct' ? [] : scopes.map(async (scope) => release(await keys.forSealing(scope, 1)))
    if (keys.indexKeyCount > 0) work.push(keys.indexKeys().then(release))
    const failure = (await Promise.allSettled(work)).find((outcome) => outcome.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }
}

function release(keys: readonly { readonly key: { release(): void } }[]): void {
  for (const { key } of keys) key.release()
}
