import { safeHook } from './hook.ts'

/** Something that knows no envelopes wrote to a column of a sealed row. Never holds a value. */
export interface ForeignWrite {
  readonly model: string
  readonly field: string
  readonly primaryKey: Readonly<Record<string, unknown>>
  /** The operation that came upon it. */
  readonly operation: string
}

export type OnForeignWrite = (event: ForeignWrite) => void

/**
 * Tells of foreign writes: to `hook`, or else by a warning of the process, once for each field. A hook that fails must not take the value from whoever
 * reads it: its error becomes a warning, too.
 */
export function foreignWriteReporter(hook: OnForeignWrite | undefined): OnForeignWrite {
  if (hook !== undefined) return safeHook('onForeignWrite', 'PRISMA_ENVELOPE_FOREIGN_WRITE_HOOK', hook)
  const warned = new Set<string>()
  return ({ model, field, operation }) => {
    const path = `${model}.${field}`
    if (warned.has(path)) return
    warned.add(path)
    const text = `${path} in ${operation}: a column of a sealed row was written by something that does not encrypt; its value is taken as the newer one. Give \`onForeignWrite\` to be told of each`
    process.emitWarning(text, { type: 'PrismaEnvelopeWarning', code: 'PRISMA_ENVELOPE_FOREIGN_WRITE' })
  }
}
