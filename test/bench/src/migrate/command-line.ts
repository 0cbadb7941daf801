import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const bin = join(
  dirname(createRequire(import.meta.url).resolve('@prisma-envelope/cli/package.json')),
  'bin/prisma-envelope-cli.js',
)
const config = fileURLToPath(new URL('../../envelope.config.ts', import.meta.url))

/**
 * Loaded into the process before the command line: tells its peak of resident memory when it ends. Linux counts what a process was forked from in
 * `maxRSS`, but not in VmHWM.
 */
const MEMORY_REPORT = `import { readFileSync, writeSync } from 'node:fs'
process.on('exit', () => {
  let kilobytes = process.resourceUsage().maxRSS
  try { kilobytes = Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) } catch {}
  writeSync(3, String(kilobytes))
})`

export interface Run {
  /** From the start of the process to its end. */
  readonly milliseconds: number
  readonly peakMegabytes: number
  /** What the command says in the end. */
  readonly result: Readonly<Record<string, unknown>>
}

/**
 * Runs the built command line as users do, in a process of its own.
 *
 * @throws Error where it ends with anything but 0.
 */
export async function runCommand(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Run> {
  const hook = `data:text/javascript,${encodeURIComponent(MEMORY_REPORT)}`
  const start = performance.now()
  const child = spawn(process.execPath, ['--import', hook, bin, '--config', config, '--json', ...args], {
    env: { ...process.env, NODE_NO_WARNINGS: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  const exit = once(child, 'exit').then(([code]) => ({ code: code as number | null, milliseconds: performance.now() - start }))
  const [out, err, memory, { code, milliseconds }] = await Promise.all([
    text(child.stdio[1] as NodeJS.ReadableStream),
    text(child.stdio[2] as NodeJS.ReadableStream),
    text(child.stdio[3] as NodeJS.ReadableStream),
    exit,
  ])
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${err}${out}`)
  const result = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .find(({ event }) => event === 'result')
  if (result === undefined) throw new Error(`${args.join(' ')} gave no result: ${out}`)
  return { milliseconds, peakMegabytes: Number(memory) / 1024, result }
}
