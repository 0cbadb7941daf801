import { open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/** Lock files that this very process holds: after a restart in a container, another process's id can equal ours. */
const held = new Set<string>()

/** A file that one server owns, replaced as a whole and only ever seen complete. */
export interface StateFile {
  /** `undefined` where there is none yet. */
  read(): Promise<string | undefined>
  /** Returns when the bytes are on disk. Not to be called again before that. */
  write(text: string): Promise<void>
  release(): Promise<void>
}

/**
 * Takes `path` for this server. Two servers on one state would overwrite each other's keys, so a lock file beside it holds the
 * owner's process id; one left behind by a process that is gone is taken over.
 *
 * @throws Error where another process holds it.
 */
export async function claimStateFile(path: string): Promise<StateFile> {
  const file = resolve(path)
  const lock = `${file}.lock`
  await takeLock(lock)
  return {
    read: () => readFile(file, 'utf8').catch(undefinedIfMissing),
    write: (text) => replace(file, text),
    release: async () => {
      held.delete(lock)
      await rm(lock, { force: true })
    },
  }
}

async function takeLock(lock: string): Promise<void> {
  for (const attempt of [1, 2]) {
    try {
      const handle = await open(lock, 'wx', 0o600)
      await handle.writeFile(String(process.pid))
      await handle.close()
      held.add(lock)
      return
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      const owner = Number(await readFile(lock, 'utf8').catch(undefinedIfMissing))
      if (attempt === 2 || isRunning(owner, lock)) {
        throw new Error(`${lock} is held by process ${owner}: stop that server, or give this one another state file`, {
          cause: error,
        })
      }
      await rm(lock, { force: true })
    }
  }
}

function isRunning(pid: number, lock: string): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  if (pid === process.pid) return held.has(lock)
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

async function replace(file: string, text: string): Promise<void> {
  const temporary = `${file}.tmp`
  await rm(temporary, { force: true })
  const handle = await open(temporary, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, file)
  await syncFolder(dirname(file))
}

/** Without it a crash could lose the rename. Windows can't open folders. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function undefinedIfMissing(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
