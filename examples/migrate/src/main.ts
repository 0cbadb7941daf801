import { createCleanup } from '../../patients/src/cleanup.ts'
import { count, Report, seconds } from '../../patients/src/report.ts'
import { runDemo } from './demo.ts'
import { HELP, type Options, parseOptions } from './options.ts'

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

process.exitCode = await main()

async function main(): Promise<number> {
  let options: Options | 'help'
  try {
    options = parseOptions(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\nSee pnpm demo:migrate --help\n`)
    return 1
  }
  if (options !== 'help') return demonstrate(options)
  process.stdout.write(HELP)
  return 0
}

async function demonstrate(options: Options): Promise<number> {
  const report = new Report(options.json ? process.stderr : process.stdout)
  const cleanup = createCleanup()
  const interruption = new AbortController()
  let exitCode = 1
  for (const [name, code] of Object.entries(EXIT_CODES)) {
    process.on(name, () => {
      if (interruption.signal.aborted) process.exit(code)
      exitCode = code
      process.stderr.write('\nCleaning up … (once more to leave at once)\n')
      interruption.abort()
    })
  }
  const since = performance.now()
  try {
    const outcome = await runDemo(options, report, cleanup, interruption.signal)
    await cleanup.run()
    const { writes, wrong } = outcome
    report.verdict(
      wrong.length === 0,
      wrong.length === 0
        ? `${count(writes, 'acknowledged write')}, all there; no plaintext left, and none gets in any more (${seconds(since)} in all; servers and data are gone)`
        : wrong.slice(0, 10).join('\n  '),
    )
    if (options.json) process.stdout.write(`${JSON.stringify(outcome)}\n`)
    return wrong.length === 0 ? 0 : 1
  } catch (error) {
    if (!interruption.signal.aborted) report.verdict(false, messageOf(error))
    return exitCode
  } finally {
    await cleanup.run()
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
