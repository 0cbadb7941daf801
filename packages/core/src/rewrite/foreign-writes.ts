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
  const warned = new Set<string>()
  const warnOnce = (key: string, text: string, code: string): void => {
    if (warned.has(key)) return
    warned.add(key)
    process.emitWarning(text, { type: 'PrismaEnvelopeWarning', code })
  }
  const failed = (): void =>
    warnOnce('', '`onForeignWrite` failed: it must not throw; the operation went on', 'PRISMA_ENVELOPE_FOREIGN_WRITE_HOOK')
  return (event) => {
    const path = `${event.model}.${event.field}`
    if (hook === undefined) {
      const text = `${path} in ${event.operation}: a column of a sealed row was written by something that does not encrypt; its value is taken as the newer one. Give \`onForeignWrite\` to be told of each`
      return warnOnce(path, text, 'PRISMA_ENVELOPE_FOREIGN_WRITE')
    }
    try {
      const returned: unknown = hook(event)
      // An `async` function passes for one that returns nothing.
      if (returned instanceof Promise) returned.catch(failed)
    } catch {
      failed()
    }
  }
}
