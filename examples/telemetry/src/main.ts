import { createCleanup } from '../../patients/src/cleanup.ts'
import { count, Report } from '../../patients/src/report.ts'
import { runDemo } from './demo.ts'
import { transcriptOf } from './transcript.ts'

process.exitCode = await main()

async function main(): Promise<number> {
  const transcript = transcriptOf(process.stdout)
  const report = new Report(transcript.stream)
  const cleanup = createCleanup()
  const interruption = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => interruption.abort())
  try {
    const { events, spans, metrics, leaks } = await runDemo(transcript, cleanup, interruption.signal)
    await cleanup.run()
    const good = leaks === 0
    report.verdict(
      good,
      good
        ? `${count(events, 'event')}, ${count(spans, 'span')} and ${count(metrics, 'measurement')}, and no patient's value in any of them`
        : `${count(leaks, 'value')} of patients can be read above`,
    )
    return good ? 0 : 1
  } catch (error) {
    report.verdict(false, interruption.signal.aborted ? 'interrupted' : error instanceof Error ? error.message : String(error))
    return 1
  } finally {
    await cleanup.run()
  }
}
