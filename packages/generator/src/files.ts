import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** The text of a file, or `undefined` where there is none. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** Replaces a file in one step, so that nobody ever reads half of it. Leaves it alone, date and all, where nothing changes. */
export async function replaceText(path: string, text: string): Promise<void> {
  if ((await readText(path)) === text) return
  await mkdir(dirname(path), { recursive: true })
  const draft = `${path}.${process.pid}.tmp`
  try {
    await writeFile(draft, text)
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}

/** Removes what an earlier run wrote into the folder under other names (an `index.ts` would hide the `index.js` of another format). */
export async function removeStale(folder: string, current: readonly string[], header: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!/^(?:index|strict)\.(?:d\.)?[cm]?[jt]s$/.test(name) || current.includes(name)) continue
    const path = join(folder, name)
    if ((await readText(path))?.startsWith(header)) await rm(path)
  }
}
