/**
 * A hook of the application as something that can't fail: what it throws, or rejects with, becomes a warning of the process, once. The operation
 * that it is told of must not suffer from it.
 *
 * @param name of the option
 * @param code of the warning
 */
export function safeHook<Event>(name: string, code: string, hook: (event: Event) => void): (event: Event) => void {
  let warned = false
  const failed = (): void => {
    if (warned) return
    warned = true
    const text = `\`${name}\` failed: it must not throw; the operation went on`
    process.emitWarning(text, { type: 'PrismaEnvelopeWarning', code })
  }
  return (event) => {
    try {
      const returned: unknown = hook(event)
      // An `async` function passes for one that returns nothing.
      if (returned instanceof Promise) returned.catch(failed)
    } catch {
      failed()
    }
  }
}
