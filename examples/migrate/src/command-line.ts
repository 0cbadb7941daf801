import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const bin = join(
  dirname(createRequire(import.meta.url).resolve('@prisma-envelope/cli/package.json')),
  'bin/prisma-envelope-cli.js',
)
/** Where `envelope.config.ts` is. */
const folder = fileURLToPath(new URL('..', import.meta.url))

export interface Running {
  readonly process: ChildProcess
  /** Null where a signal ended it. */
  readonly ended: Promise<number | null>
}

/**
 * Starts `npx prisma-envelope-cli …` as a user would.
 *
 * @param onLine told of each line that it prints
 * @param terminal whether it draws its progress itself
 */
export function startCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  onLine: (line: string) => void,
  terminal = false,
): Running {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: folder,
    env: { ...process.env, ...env, NODE_NO_WARNINGS: '1' },
    detached: true,
    stdio: ['ignore', 'pipe', terminal ? 'inherit' : 'pipe'],
  })
  for (const stream of [child.stdout, child.stderr]) if (stream !== null) createInterface(stream).on('line', onLine)
  return { process: child, ended: once(child, 'close').then(([code]) => code as number | null) }
}
