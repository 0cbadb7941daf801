import { anyContext, type Envelope, EnvelopeError, rowIdentity, rowPolicy } from 'prisma-envelope/rows'
import type { Context } from '../commands/context.ts'
import type { StoredRow } from './stored-row.ts'
import type { Table } from './table.ts'

/** What the application's own `context` and `key` say of rows. */
export interface Placement {
  /** The context to seal a row under that has none yet. */
  contextOf(table: Table, row: StoredRow): Envelope['ctx']
  /** The name of the KMS key to seal a row under; undefined for the current one. */
  keyOf(table: Table, row: StoredRow): string | undefined
}

/**
 * @param command in the place of the operation's name
 * @throws EnvelopeError `CONFIG`, when called, for what the application's functions may not return either
 */
export function placementOf({ config, keyring }: Pick<Context, 'config' | 'keyring'>, command: string): Placement {
  const policy = rowPolicy({ context: config.context, key: config.key }, keyring.active)
  const operation = Object.freeze({ name: command, settings: Object.freeze({}) })
  return {
    contextOf: (table, row) => {
      const permitted = policy?.contextsOf?.(identityOf(table, row), operation) ?? []
      if (permitted === anyContext) {
        throw new EnvelopeError(
          'CONFIG',
          `\`context\` returned anyContext for a row that has none yet: return the one to seal it under, where the operation is "${command}"`,
          { model: table.model },
        )
      }
      const [context = {}] = permitted
      return Object.keys(context).length === 0 ? undefined : context
    },
    keyOf: (table, row) => policy?.keyOf?.(identityOf(table, row), operation),
  }
}

function identityOf(table: Table, { binding }: StoredRow) {
  return rowIdentity(table.model, table.plan.primaryKey, table.bound, binding)
}
