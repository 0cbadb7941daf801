import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Everything that must not outlive the demo, undone in reverse order. */
export interface Cleanup {
  add(undo: () => Promise<unknown>): void
  /** A folder that is removed at the end, even if the process ends in a hurry. */
  temporaryFolder(name: string): Promise<string>
  /** Undoes all, whatever fails on the way; a second call does nothing. */
  run(): Promise<void>
}

export function createCleanup(): Cleanup {
  const undos: (() => Promise<unknown>)[] = []
  return {
    add: (undo) => void undos.push(undo),
    async temporaryFolder(name) {
      const folder = await mkdtemp(join(tmpdir(), `prisma-envelope-demo-${name}-`))
      const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
      process.once('exit', remove)
      undos.push(async () => remove())
      return folder
    },
    async run() {
      for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) {
        await undo().catch((error: unknown) => process.stderr.write(`While cleaning up: ${String(error)}\n`))
      }
    },
  }
}
