import type { Cleanup } from '../../patients/src/cleanup.ts'
import type { Report } from '../../patients/src/report.ts'
import { type Running, startCommand } from './command-line.ts'

/** The terminal at which somebody moves the rows. */
export interface Console {
  /** Starts a command, of whose lines those that match are shown, behind `name`. */
  start(args: readonly string[], name?: string, lines?: RegExp): Running
  /** @throws Error where it ends with anything but 0. */
  run(args: readonly string[]): Promise<void>
}

export function createConsole(
  env: Readonly<Record<string, string>>,
  report: Report,
  cleanup: Cleanup,
  signal: AbortSignal,
): Console {
  function start(args: readonly string[], name = '', lines = /^/): Running {
    const prefix = name.padEnd(name === '' ? 0 : 3)
    const running = startCommand(args, env, (line) => {
      if (lines.test(line)) report.line(`${prefix}${line}`)
    })
    const kill = (): void => void running.process.kill('SIGKILL')
    signal.addEventListener('abort', kill)
    void running.ended.then(() => signal.removeEventListener('abort', kill))
    cleanup.add(async () => kill())
    return running
  }
  return {
    start,
    async run(args) {
      report.line(`$ npx prisma-envelope-cli ${args.join(' ')}`)
      const code = await start(args).ended
      signal.throwIfAborted()
      if (code !== 0) throw new Error(`\`${args.join(' ')}\` ended with ${code ?? 'a signal'}`)
    },
  }
}
