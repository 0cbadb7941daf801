import { createHash } from 'node:crypto'
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A few thousand rows of a hundred million fall into one part. */
const PARTS = 256
const KEPT_IN_MEMORY = 4096

/** Finds what occurs twice among more than memory should hold: in files of the system's temporary directory, which hold hashes and names alone. */
export interface Spool {
  /** @param name of who has the value: the same again is no second one */
  add(value: string, name: string): Promise<void>
  /** Names of all that came after another with an equal value. */
  repeated(): AsyncGenerator<string>
  /** Removes the files. */
  close(): Promise<void>
}

export function createSpool(): Spool {
  const parts = Array.from({ length: PARTS }, (): string[] => [])
  let directory: Promise<string> | undefined
  let held = 0

  async function flush(): Promise<void> {
    directory ??= mkdtemp(join(tmpdir(), 'prisma-envelope-dry-run-'))
    const path = await directory
    held = 0
    const taken = parts.map((lines) => lines.splice(0))
    for (const [i, lines] of taken.entries())
      if (lines.length > 0) await appendFile(join(path, String(i)), `${lines.join('\n')}\n`, { mode: 0o600 })
  }

  return {
    async add(value, name) {
      const hash = createHash('sha256').update(value).digest()
      parts[hash[0] as number]?.push(`${hash.toString('base64', 0, 18)} ${name}`)
      held += 1
      if (held > KEPT_IN_MEMORY) await flush()
    },
    async *repeated() {
      for (const [i, lines] of parts.entries()) {
        const spilled = directory === undefined ? '' : await readFile(join(await directory, String(i)), 'utf8').catch(() => '')
        const first = new Map<string, string>()
        for (const line of [...spilled.split('\n'), ...lines]) {
          const [hash, name] = [line.slice(0, 24), line.slice(25)] as const
          if (hash === '') continue
          const owner = first.get(hash)
          if (owner === undefined) first.set(hash, name)
          else if (owner !== name) yield name
        }
      }
    },
    async close() {
      if (directory !== undefined) await rm(await directory, { recursive: true, force: true })
    },
  }
}
