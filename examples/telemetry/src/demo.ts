import { type AccessEvent, createIndexKey } from 'prisma-envelope'
import type { Cleanup } from '../../patients/src/cleanup.ts'
import { makeUp } from '../../patients/src/data/made-up.ts'
import { migrate, openDatabase } from '../../patients/src/database/database.ts'
import { openKms } from '../../patients/src/kms.ts'
import { count, Report } from '../../patients/src/report.ts'
import { secretTexts } from '../../patients/src/values.ts'
import { createClient } from './client.ts'
import { attributesText, inMilliseconds, startTelemetry, type Telemetry } from './telemetry.ts'
import type { Transcript } from './transcript.ts'

const ROWS = 50
const SHOWN_EVENTS = 12
/** Shorter values are parts of any text, and five digits part of many a number. */
const MIN_SECRET_LENGTH = 6

export interface Outcome {
  readonly events: number
  readonly spans: number
  readonly metrics: number
  /** Values of patients in what was printed. */
  readonly leaks: number
}

/** @param transcript all that the reader gets to see, and that is searched in the end. */
export async function runDemo(transcript: Transcript, cleanup: Cleanup, signal: AbortSignal): Promise<Outcome> {
  const report = new Report(transcript.stream)
  const data = makeUp(ROWS)

  report.step('PostgreSQL and a KMS')
  const [database, kms] = await Promise.all([openDatabase(cleanup, signal), openKms(cleanup)])
  await migrate(database)
  report.line(`${database.origin}, schema ${database.schema}`)
  report.line(kms.origin)

  const keys = { current: kms.provider }
  const indexKey = { current: await createIndexKey(keys) }
  const events: AccessEvent[] = []
  const onAccess = (event: AccessEvent): void => void events.push(event)
  const [writer, reader] = [
    createClient(database, { keys, indexKey, onAccess }),
    createClient(database, { keys, indexKey, onAccess }),
  ]
  cleanup.add(() => Promise.all([writer.$disconnect(), reader.$disconnect()]))
  const telemetry = startTelemetry([writer, reader])
  cleanup.add(() => telemetry.stop())

  const [first] = data.patients
  if (first === undefined) throw new Error('there are no patients')
  await telemetry.request('POST /patients', () => writer.patient.createMany({ data: data.patients }))
  await telemetry.request('PATCH /patients/:id', () =>
    writer.patient.update({ where: { id: first.id }, data: { address: first.address }, select: { id: true } }),
  )
  await telemetry.request('GET /patients', () => reader.patient.findMany({ take: 20, select: { lastName: true } }))
  await telemetry.request('GET /patients?ssn', () => reader.patient.findFirst({ where: { ssn: first.ssn } }))
  const found = await telemetry.request('GET /patients again', () => reader.patient.findMany({ take: 20 }))
  if (found.length !== 20) throw new Error('the patients are not there')

  showEvents(events, report)
  const spans = showSpans(telemetry, report)
  const metrics = await showMetrics(telemetry, report)

  report.step('Search for plaintext in all that is printed above')
  const secrets = new Set([...secretTexts(data)].filter((secret) => secret.length >= MIN_SECRET_LENGTH))
  const everything = `${transcript.text()}\n${JSON.stringify(events)}`
  const leaks = [...secrets].filter((secret) => everything.includes(secret)).length
  report.line(`${count(secrets.size, 'value')} looked for in ${count(everything.length, 'character')}: ${count(leaks, 'hit')}`)
  return { events: events.length, spans, metrics, leaks }
}

function showEvents(events: readonly AccessEvent[], report: Report): void {
  report.step(`Audit: ${count(events.length, 'event')} of onAccess, one for each row and operation`)
  const summaries = new Map<string, { readonly event: AccessEvent; times: number }>()
  for (const event of events) {
    const key = [event.action, event.model, event.operation, event.cache, ...event.fields].join(' ')
    const summary = summaries.get(key)
    if (summary === undefined) summaries.set(key, { event, times: 1 })
    else summary.times += 1
  }
  report.table(
    ['rows', 'action', 'operation', 'cache', 'first of them', 'fields'],
    [...summaries.values()]
      .slice(0, SHOWN_EVENTS)
      .map(({ event, times }) => [
        count(times),
        event.action,
        event.operation,
        event.cache ?? '',
        `${event.model} ${Object.values(event.primaryKey ?? {}).join()}`,
        event.fields.join(' '),
      ]),
    48,
  )
}

function showSpans(telemetry: Telemetry, report: Report): number {
  const spans = telemetry.spans()
  report.step('Spans: what each request waited for')
  for (const request of spans.filter(({ parentSpanContext }) => parentSpanContext === undefined)) {
    report.line(`${request.name}  ${inMilliseconds(request.duration).toFixed(1)} ms`)
    for (const span of spans) {
      if (span.parentSpanContext?.spanId !== request.spanContext().spanId) continue
      report.line(`  └ ${span.name}  ${inMilliseconds(span.duration).toFixed(1)} ms  ${attributesText(span.attributes)}`)
    }
  }
  return spans.length
}

async function showMetrics(telemetry: Telemetry, report: Report): Promise<number> {
  const measured = await telemetry.measured()
  report.step('Metrics')
  report.table(
    ['metric', 'value', 'attributes'],
    measured.map(({ metric, value, attributes }) => [metric, value, attributes]),
    72,
  )
  return measured.length
}
