import { readFile } from 'node:fs/promises'
import type { EncryptionContext } from 'prisma-envelope/rows'
import { UsageError } from '../usage-error.ts'

/**
 * Reads the list of erased contexts that is kept outside of the database: what `erase --json` printed, a line for each, or such lines with a `context` alone.
 *
 * @throws UsageError where it can't be read, or a line holds no context
 */
export async function readErased(path: string): Promise<readonly EncryptionContext[]> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new UsageError(`the list of erased contexts can't be read at ${path}`)
  })
  const lines = text.split('\n').flatMap((line, at) => (line.trim() === '' ? [] : [{ line, number: at + 1 }]))
  return lines.map(({ line, number }) => {
    const context = contextIn(line)
    if (context === undefined)
      throw new UsageError(`${path}, line ${number}: no context; a line reads {"context":{"tenant":"42"}}`)
    return context
  })
}

function contextIn(line: string): EncryptionContext | undefined {
  try {
    const { context } = JSON.parse(line) as { context?: unknown }
    if (typeof context !== 'object' || context === null || Array.isArray(context)) return undefined
    return Object.values(context).every((value) => typeof value === 'string') ? (context as EncryptionContext) : undefined
  } catch {
    return undefined
  }
}
