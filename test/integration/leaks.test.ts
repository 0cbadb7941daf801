import { inspect } from 'node:util'
import { envelopeEncryption, type KeyProvider } from 'prisma-envelope'
import { afterAll, expect, test } from 'vitest'
import { adapterOf, models, omit, Prisma, PrismaClient } from '../support/client.ts'
import { type BareClient, createEncryptedClient, extend } from '../support/encrypted-client.ts'

const { database, sql, keys: ordinaryKeys, indexKey } = await createEncryptedClient('leaks')

/** Every key that crossed the border to the KMS in the clear. */
const keyBytes: Buffer[] = []

function overheard(provider: KeyProvider): KeyProvider {
  return {
    name: provider.name,
    wrap: provider.wrap,
    async generateDataKey(context, options) {
      const key = await provider.generateDataKey(context, options)
      keyBytes.push(Buffer.from(key.plaintext))
      return key
    },
    async unwrap(wrapped, context, options) {
      const key = await provider.unwrap(wrapped, context, options)
      keyBytes.push(Buffer.from(key))
      return key
    },
  }
}

/** Plaintext of each field; none is part of any name in the schema or of a message. */
const secrets = {
  email: 'qwertz-mail@example.org',
  ssn: '987-65-4321',
  fullName: 'Xaver Quirin',
  birthDate: new Date('1977-07-07T07:07:07.077Z'),
  history: { quux: 'zyxwvut', deep: [{ list: ['plugh'] }] },
  notes: 'Gnarly umbrage.',
}
const words = ['qwertz', '987-65', 'Quirin', '1977-07', 'quux', 'zyxwvut', 'plugh', 'umbrage', '237107227077']

const keys = { current: overheard(ordinaryKeys.current) }
const log: unknown[] = []
const bare = new PrismaClient({
  adapter: adapterOf(database.url),
  omit,
  log: (['query', 'info', 'warn', 'error'] as const).map((level) => ({ emit: 'event' as const, level })),
})
for (const level of ['query', 'info', 'warn', 'error'] as const) bare.$on(level, (event: unknown) => void log.push(event))
const remember = (warning: Error) => void log.push(warning)
process.on('warning', remember)
afterAll(async () => {
  process.off('warning', remember)
  await bare.$disconnect()
})

const options = { Prisma, models, keys, indexKey }
const extension = envelopeEncryption(options)
const prisma = extend(bare as unknown as BareClient, options)

/** All that a log could show of a value. */
function shown(value: unknown, depth = 12): string {
  const deep = inspect(value, { depth, showHidden: true, getters: true, maxArrayLength: null, maxStringLength: null })
  let text = `${deep}\n${String(value)}`
  if (value instanceof Error) text += `\n${value.stack}\n${JSON.stringify(value)}\n${shown(value.cause ?? '')}`
  return text
}

/** The forms in which bytes get into a text; the first 12 are enough to tell. */
function writtenForms(bytes: Buffer): string[] {
  const first = bytes.subarray(0, 12)
  const hex = first.toString('hex')
  return [
    hex,
    hex.replaceAll(/(..)(?=.)/g, '$1 '),
    first.toString('base64'),
    first.toString('base64url'),
    first.toString('latin1'),
    [...first].join(','),
    [...first].join(', '),
  ]
}

function expectNoLeak(text: string, what: string): void {
  for (const word of words) expect(text.includes(word), `${what} shows ${word}:\n${text.slice(0, 2000)}`).toBe(false)
  for (const bytes of keyBytes) {
    const found = writtenForms(bytes).find((form) => text.includes(form))
    expect(found, `${what} shows a key`).toBeUndefined()
  }
}

async function failureOf(call: () => Promise<unknown>): Promise<unknown> {
  return call().then(
    (result) => expect.fail(`it returned ${inspect(result)}`),
    (error: unknown) => error,
  )
}

const { email, ssn, fullName, birthDate, history, notes } = secrets
const patient = { id: 'x', email, ssn, fullName, birthDate, history, notes, ward: 'A1' }
const like = (value: unknown) => value as never

test('writing and searching leave no plaintext in Prisma’s log or in the database', async () => {
  log.length = 0
  await prisma.patient.create({ data: patient })
  await prisma.patient.createMany({ data: [{ ...patient, id: 'y', email: `y${email}` }] })
  await prisma.patient.update({ where: { email }, data: { notes, fullName: { set: fullName } } })
  await prisma.patient.update({ where: { id: 'x' }, data: { email, ssn, fullName, birthDate, history, notes } })
  await prisma.patient.findMany({ where: { OR: [{ email: { in: [email, `y${email}`] } }, { ssn: { not: ssn } }] } })
  await prisma.$transaction([prisma.patient.count({ where: { ssn } }), prisma.patient.findUnique({ where: { email } })])
  await prisma.doctor.create({ data: { name: fullName, patients: { connect: { email } } } })
  expect(await prisma.patient.findUnique({ where: { email } })).toMatchObject({ fullName, history })
  expect(log.length).toBeGreaterThan(8)
  expectNoLeak(shown(log), 'the log')
  expectNoLeak(shown(await sql('SELECT * FROM "Patient"')), 'the table')
})

test.each<[title: string, call: () => Promise<unknown>]>([
  ['a filter that ciphertext can’t answer', () => prisma.patient.findMany({ where: { fullName: { contains: fullName } } })],
  ['equality on a field that is not searchable', () => prisma.patient.findFirst({ where: { notes, birthDate, email } })],
  ['Json in a filter', () => prisma.patient.findFirst({ where: { history: { equals: history } } })],
  ['an unknown operator', () => prisma.patient.findFirst({ where: { email: like({ resembles: email }) } })],
  ['the envelope as input', () => prisma.patient.create({ data: { ...patient, envelope: history } })],
  ['arithmetic', () => prisma.patient.update({ where: { email }, data: { notes: like({ push: notes }) } })],
  ['a unique value taken', () => prisma.patient.create({ data: { ...patient, id: 'z' } })],
  ['a unique value taken, among many', () => prisma.patient.createMany({ data: [{ ...patient, id: 'z' }] })],
  ['a unique value taken, by update', () => prisma.patient.update({ where: { id: 'y' }, data: { email } })],
  ['a missing row', () => prisma.patient.findUniqueOrThrow({ where: { email: `no-${email}` } })],
  ['an update of a missing row', () => prisma.patient.update({ where: { email: `no-${email}` }, data: { notes } })],
  [
    'a missing relation',
    () => prisma.patient.create({ data: { ...patient, id: 'z', email: 'z', doctorId: '0b3e4e8a-5d5f-4a4e-8d0f-1f6f5a1c2d3e' } }),
  ],
  ['a value too long for its column', () => prisma.nativeTypes.create({ data: { varChar: `${notes}${notes}` } })],
  ['a text that PostgreSQL refuses', () => prisma.patient.create({ data: { ...patient, notes: `${notes}\0` } })],
  ['a text that PostgreSQL refuses, searched', () => prisma.patient.findMany({ where: { email: `${email}\0` } })],
  ['an object for a text', () => prisma.patient.create({ data: { ...patient, fullName: like({ nested: fullName }) } })],
  ['a list for a text', () => prisma.patient.create({ data: { ...patient, fullName: like([fullName]) } })],
  ['a text for a date', () => prisma.patient.create({ data: { ...patient, birthDate: notes } })],
  ['a date for a text', () => prisma.patient.update({ where: { email }, data: { notes: like({ set: birthDate }) } })],
  ['a function in Json', () => prisma.patient.create({ data: { ...patient, history: like([history, () => notes]) } })],
  ['a list for a text, searched', () => prisma.patient.findMany({ where: { email: { equals: like([email]) } } })],
  ['a text for a list, searched', () => prisma.patient.findMany({ where: { email: { in: like(email) } } })],
  ['a wrong plain value beside encrypted ones', () => prisma.patient.create({ data: { ...patient, ward: like(5) } })],
  [
    'a wrong plain value beside encrypted ones, among many',
    () => prisma.patient.createMany({ data: [patient, { ...patient, ward: like(5) }] }),
  ],
  [
    'a wrong plain value beside encrypted ones, in update',
    () => prisma.patient.update({ where: { email }, data: { notes, ward: like(5) } }),
  ],
  [
    'a wrong plain condition beside encrypted ones',
    () => prisma.patient.findMany({ where: { email, ssn: { not: ssn }, ward: like(5) } }),
  ],
  ['an unknown selection', () => prisma.patient.findMany({ where: { email }, select: like({ nothing: true, fullName: true }) })],
  ['a missing field', () => prisma.patient.create({ data: like({ email, fullName }) })],
  ['a list of rows for one row', () => prisma.patient.create({ data: like([patient]) })],
  ['text for a row', () => prisma.patient.create({ data: like(fullName) })],
  ['text among rows', () => prisma.patient.createMany({ data: like([patient, fullName]) })],
  ['a list of changes for one', () => prisma.patient.update({ where: { id: 'x' }, data: like([{ notes }]) })],
  ['a list of changes for many rows', () => prisma.patient.updateMany({ data: like([{ notes }]) })],
  [
    'a list of rows for an upsert',
    () =>
      prisma.tag.upsert({ where: { label: 'l' }, create: like([{ label: 'l', patients: { create: [patient] } }]), update: {} }),
  ],
  [
    'a list of nested writes',
    () => prisma.doctor.update({ where: { id: patient.id }, data: { patients: like([{ create: [patient] }]) } }),
  ],
  ['a list of conditions for one', () => prisma.patient.findMany({ where: like([{ email }]) })],
  ['a list of relation filters for one', () => prisma.tag.findMany({ where: { patients: { some: like([{ email }]) } } })],
  [
    'a list of to-one filters for one',
    () => prisma.profile.findMany({ where: { patient: like([{ is: { email } }, { email }]) } }),
  ],
  ['a list of cursors', () => prisma.patient.findMany({ cursor: like([{ email }]) })],
  ['a condition list for OR', () => prisma.patient.findMany({ where: { OR: like({ email, ssn }) } })],
  [
    'no list for a nested create',
    () => prisma.doctor.create({ data: { name: fullName, patients: { create: [{ ...patient, ward: like(5) }] } } }),
  ],
])('no error shows plaintext or keys: %s', async (_, call) => {
  log.length = 0
  const error = await failureOf(call)
  expectNoLeak(shown(error), 'the error')
  expectNoLeak(shown(log), 'the log')
})

test('no error of a row that does not open shows plaintext or keys', async () => {
  const damages = [
    `envelope = jsonb_set(envelope, '{ct}', to_jsonb(reverse(envelope->>'ct')))`,
    `envelope = '{}'`,
    `envelope = NULL`,
    `"fullName" = 'Somebody'`,
    `notes = NULL`,
    `email = '~' || substr(email, 2)`,
    `ssn = (SELECT email FROM "Patient" WHERE id = 'x')`,
  ]
  for (const damage of damages) {
    await sql(`CREATE TABLE kept AS SELECT * FROM "Patient" WHERE id = 'y'`)
    await sql(`UPDATE "Patient" SET ${damage} WHERE id = 'y'`)
    const reads = await Promise.allSettled([
      prisma.patient.findUnique({ where: { id: 'y' } }),
      prisma.patient.findMany({ where: { ssn: ssn } }),
      prisma.patient.update({ where: { id: 'y' }, data: { notes } }),
    ])
    for (const read of reads) if (read.status === 'rejected') expectNoLeak(shown(read.reason), damage)
    await sql(`DELETE FROM "Patient" WHERE id = 'y'`)
    await sql('INSERT INTO "Patient" SELECT * FROM kept')
    await sql('DROP TABLE kept')
  }
})

test('clients, options and keys show nothing, however they are inspected', async () => {
  await prisma.patient.findMany({ where: { email } })
  expect(keyBytes.length).toBeGreaterThan(1)
  const things = { options, extension, keys, envelope: prisma.$envelope, models }
  for (const [name, thing] of Object.entries(things)) expectNoLeak(shown(thing), name)
  // Deeper down, Prisma's own clients take a hundred megabytes.
  for (const [name, thing] of Object.entries({ prisma, bare, delegate: prisma.patient })) expectNoLeak(shown(thing, 3), name)
  expectNoLeak(shown(prisma.patient.findMany({ where: { id: 'x' } })), 'a promise')
})

test('the test itself would notice', () => {
  const [key] = keyBytes
  const notice = (text: string) => expect(() => expectNoLeak(text, 'a text')).toThrow('shows')
  notice(`Invalid value: ${fullName}`)
  notice(inspect({ key }))
  notice(JSON.stringify({ key }))
  notice(shown(new Error('failed', { cause: new Error(notes) })))
})
