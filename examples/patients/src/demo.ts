import { createIndexKey } from 'prisma-envelope'
import type { EnvelopeClient } from '../generated/envelope/index.ts'
import type { Cleanup } from './cleanup.ts'
import { createClient } from './client.ts'
import type { Data, Patient } from './data/data.ts'
import { makeUp } from './data/made-up.ts'
import { readSynthea } from './data/synthea.ts'
import { type Database, migrate, openDatabase } from './database/database.ts'
import { openKms } from './kms.ts'
import type { Options } from './options.ts'
import { count, type Report, seconds } from './report.ts'
import { CellScanner } from './scan/cell-scanner.ts'
import { withoutChance } from './scan/chance.ts'
import { type Hit, scanDatabase } from './scan/database-scan.ts'
import { type Comparison, compareRows, secretTexts, textsOf } from './values.ts'

export interface Outcome {
  /** Patients and conditions. */
  readonly rows: number
  /** Values compared. */
  readonly values: number
  readonly mismatches: number
  readonly plaintextHits: number
  readonly kmsCalls: Readonly<Record<string, number>>
  /** Of one row, on average, as `JSON.stringify` writes it. */
  readonly envelopeBytes: number
}

const BATCH = 500
/** Patients come with all their conditions. */
const PAGE = 100

/** The whole story, step by step. Stops between two operations once `signal` is aborted. */
export async function runDemo(options: Options, report: Report, cleanup: Cleanup, signal: AbortSignal): Promise<Outcome> {
  const data = options.csv === undefined ? makeUp(options.rows) : await readSynthea(options.csv, options.conditions)
  checkReferences(data)
  const rows = data.patients.length + data.conditions.length
  const secrets = new Set(secretTexts(data))

  report.step('Servers')
  let since = performance.now()
  const kms = await openKms(cleanup)
  const database = await openDatabase(cleanup, signal)
  const names = await migrate(database)
  report.line(`${database.origin}, schema ${database.schema}`)
  report.line(`${count(names.length, 'migration')} applied: ${names.join(', ')}`)
  report.line(`${kms.origin} (${seconds(since)})`)

  const indexKey = await createIndexKey({ current: kms.provider })
  const open = (): EnvelopeClient => {
    const client = createClient(database, kms.provider, indexKey)
    cleanup.add(() => client.$disconnect())
    return client
  }
  const prisma = open()

  report.step(`Import of ${count(data.patients.length, 'patient')} and ${count(data.conditions.length, 'condition')}`)
  since = performance.now()
  await report.progress(rows, async (advance) => {
    await inBatches(data.patients, signal, advance, (batch) => prisma.patient.createMany({ data: batch }))
    await inBatches(data.conditions, signal, advance, (batch) => prisma.condition.createMany({ data: batch }))
  })
  report.line(`${count(rows, 'row')} in ${seconds(since)}, each sealed under a key of its own`)

  const example = exampleOf(data)
  if (example !== undefined) {
    await showBothSides(prisma, database, example, report)
    await findBySsn(prisma, database, example, report)
    await updateOne(prisma, example, report)
    secrets.add(example.address)
  }
  signal.throwIfAborted()

  report.step('Everything back, by a second client that has no keys in memory')
  since = performance.now()
  const compared = await readBack(open(), data, signal)
  report.line(
    `${count(rows, 'row')} read, ${count(compared.values, 'value')} compared in ${seconds(since)}: ${differenceText(compared)}`,
  )

  report.step('Search for plaintext in every cell of the database')
  since = performance.now()
  const scanner = new CellScanner(secrets)
  const scan = await scanDatabase(database, scanner, signal)
  const scanAgain = async (): Promise<readonly Hit[]> => (await scanDatabase(database, scanner, signal)).hits
  const { hits, chance } = await withoutChance(scan.hits, sealAnew(prisma, data), scanAgain)
  report.line(`${count(scan.cells, 'cell')}, ${count(scan.characters, 'character')} in ${seconds(since)}: ${hitText(hits)}`)
  if (chance > 0)
    report.line(`(${count(chance, 'hit')} in random ciphertext, gone when the row was sealed anew: chance, not plaintext)`)
  for (const [table, size] of scan.envelopes) {
    const of = table === 'Patient' ? data.patients : data.conditions
    report.line(`An envelope of ${table} takes ${count(Math.round(size / of.length))} bytes on average`)
  }

  report.step('Calls to the KMS')
  const kmsCalls = kms.calls()
  report.table(
    ['operation', 'calls'],
    Object.entries(kmsCalls).map(([name, calls]) => [name, count(calls)]),
    40,
  )
  report.line('One for the index key, one for each branch key, which wraps the keys of up to 10,000 rows of a table')
  signal.throwIfAborted()

  const envelopeBytes = Math.round([...scan.envelopes.values()].reduce((sum, size) => sum + size, 0) / rows)
  return {
    rows,
    values: compared.values,
    mismatches: compared.differences.length,
    plaintextHits: hits.length,
    kmsCalls,
    envelopeBytes,
  }
}

function checkReferences({ patients, conditions }: Data): void {
  if (patients.length === 0) throw new Error('there are no patients in the file')
  const known = new Set(patients.map(({ id }) => id))
  const strangers = conditions.filter(({ patientId }) => !known.has(patientId)).length
  if (strangers > 0) throw new Error(`${count(strangers, 'condition')} belong to patients that are not in the file of patients`)
}

async function inBatches<Row>(
  rows: readonly Row[],
  signal: AbortSignal,
  advance: (by: number) => void,
  write: (batch: Row[]) => Promise<unknown>,
): Promise<void> {
  for (let at = 0; at < rows.length; at += BATCH) {
    signal.throwIfAborted()
    const batch = rows.slice(at, at + BATCH)
    await write(batch)
    advance(batch.length)
  }
}

/** A patient whose SSN nobody shares, with conditions where there are any. */
function exampleOf({ patients, conditions }: Data): Patient | undefined {
  const holders = new Map<string, number>()
  for (const { ssn } of patients) holders.set(ssn.trim(), (holders.get(ssn.trim()) ?? 0) + 1)
  const ill = new Set(conditions.map(({ patientId }) => patientId))
  const alone = patients.filter(({ ssn }) => holders.get(ssn.trim()) === 1)
  return alone.find(({ id }) => ill.has(id)) ?? alone[0]
}

const shown = [
  'id',
  'ssn',
  'firstName',
  'lastName',
  'birthDate',
  'deathDate',
  'address',
  'city',
  'latitude',
  'expenses',
  'ward',
] as const

async function showBothSides(prisma: EnvelopeClient, { sql }: Database, { id }: Patient, report: Report): Promise<void> {
  const patient = await prisma.patient.findUniqueOrThrow({ where: { id } })
  const { rows: cells } = await sql.query<{ key: string; value: string | null }>(
    'select key, value from "Patient" p, jsonb_each_text(to_jsonb(p)) where p.id = $1',
    [id],
  )
  const raw = new Map(cells.map(({ key, value }) => [key, value]))
  report.step('One patient: what the application sees, and what SQL sees')
  report.table(
    ['', 'application', 'SQL'],
    [
      ...shown.map((field) => [field, textsOf(patient[field])[0] ?? 'null', raw.get(field) ?? 'NULL']),
      ['envelope', '', raw.get('envelope') ?? 'NULL'],
    ],
    40,
  )
}

async function findBySsn(prisma: EnvelopeClient, { sql }: Database, { id, ssn }: Patient, report: Report): Promise<void> {
  report.step('Finding a patient by SSN')
  const found = await prisma.patient.findFirst({ where: { ssn }, include: { conditions: true } })
  if (found?.id !== id) throw new Error('the search by SSN did not find the patient')
  report.line(
    `where: { ssn: '${ssn}' }  →  ${found.firstName} ${found.lastName} with ${count(found.conditions.length, 'condition')}`,
  )
  const { rows } = await sql.query('select from "Patient" where ssn = $1', [ssn])
  report.line(`select … where ssn = '${ssn}'  →  ${count(rows.length, 'row')}: SQL holds a token, made with a key`)
}

/** A partial update: the other fields of the record are carried over, under a fresh key. */
async function updateOne(prisma: EnvelopeClient, patient: Patient, report: Report): Promise<void> {
  report.step('Updating one field')
  const before = patient.address
  patient.address = '17 Envelope Street'
  const { address } = await prisma.patient.update({
    where: { id: patient.id, ssn: patient.ssn },
    data: { address: patient.address },
  })
  report.line(`address: '${before}'  →  '${address}'`)
}

async function readBack(prisma: EnvelopeClient, data: Data, signal: AbortSignal): Promise<Comparison> {
  const patients: Data['patients'] = []
  const conditions: Data['conditions'] = []
  for (let last: string | undefined; ; ) {
    signal.throwIfAborted()
    const page = await prisma.patient.findMany({
      orderBy: { id: 'asc' },
      take: PAGE,
      ...(last !== undefined && { cursor: { id: last }, skip: 1 }),
      include: { conditions: true },
    })
    for (const { conditions: own, ...patient } of page) {
      patients.push(patient)
      conditions.push(...own)
    }
    last = page.at(-1)?.id
    if (page.length < PAGE) break
  }
  const parts = [compareRows('Patient', data.patients, patients), compareRows('Condition', data.conditions, conditions)]
  return { values: parts.reduce((sum, part) => sum + part.values, 0), differences: parts.flatMap((part) => part.differences) }
}

/** Writes one value of a row once more, which seals the whole row anew. */
function sealAnew(prisma: EnvelopeClient, { patients, conditions }: Data): (hit: Hit) => Promise<void> {
  return async ({ table, id }) => {
    const patient = table === 'Patient' ? patients.find((row) => row.id === id) : undefined
    if (patient !== undefined) await prisma.patient.update({ where: { id }, data: { address: patient.address } })
    const condition = table === 'Condition' ? conditions.find((row) => row.id === id) : undefined
    if (condition !== undefined) await prisma.condition.update({ where: { id }, data: { code: condition.code } })
  }
}

function differenceText({ differences }: Comparison): string {
  return differences.length === 0
    ? 'all as they went in'
    : `${count(differences.length, 'difference')}, such as ${differences[0] ?? ''}`
}

function hitText(hits: readonly Hit[]): string {
  const [first] = hits
  return first === undefined ? 'none' : `${count(hits.length, 'hit')}, such as in ${first.table}.${first.column} (${first.id})`
}
