import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Prisma as Types } from '../generated/7/client/client.ts'
import { Prisma } from '../support/client.ts'
import { createEncryptedClient, type EncryptedClient, extend } from '../support/encrypted-client.ts'
import { SECRET, seedEveryModel } from '../support/every-model.ts'
import { createLoggedClient } from '../support/query-log.ts'

/** What Prisma's `log: ['query']` shows, and what the extension itself tells, in `strict`: nothing of any encrypted value, whatever is done. */

const { database, keys, indexKey } = await createEncryptedClient('query_log')
const { bare, queriesOf } = createLoggedClient(database)

const told: unknown[] = []
const prisma = extend(bare, { keys, indexKey, raw: 'allow', onAccess: (event) => void told.push(event) })
const CHANNELS = ['prisma-envelope:access', 'prisma-envelope:kms', 'prisma-envelope:breaker']
const listen = (message: unknown): void => void told.push(message)
beforeAll(() => {
  for (const channel of CHANNELS) subscribe(channel, listen)
})
afterAll(() => {
  for (const channel of CHANNELS) unsubscribe(channel, listen)
})

/** Values of every type that a text can be searched for. None is part of a name in the schema. */
const canary = {
  string: 'Quillfeather-71',
  int: 1_790_431_627,
  bigInt: 7_140_963_258_173n,
  float: 5_917_304.628_125,
  decimal: new Prisma.Decimal('84026.9173500361'),
  boolean: true,
  dateTime: new Date('1937-08-19T05:43:21.987Z'),
  json: { moonwort: ['bellwether', 6_620_173_945] },
  bytes: Buffer.from('fennelseed-bytes'),
  mood: 'EXCITED',
} as const

const bytes = canary.bytes
const words: readonly string[] = [
  SECRET,
  'Quillfeather',
  'quillfeather',
  '1790431627',
  '7140963258173',
  '5917304.628',
  '84026.9173',
  '1937-08-19',
  '-1021839398013',
  'moonwort',
  'bellwether',
  '6620173945',
  bytes.toString('latin1'),
  bytes.toString('hex'),
  bytes.toString('base64').slice(0, 20),
  [...bytes].join(','),
  [...bytes].join(', '),
]

/** Runs `work`; gives what the log and the extension showed of it. */
async function shown(work: () => Promise<unknown>): Promise<string> {
  told.length = 0
  const queries = await queriesOf(work)
  expect(queries.length).toBeGreaterThan(0)
  const json = JSON.stringify([queries, told], (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
  const seen = { queries, told, envelope: prisma.$envelope, stats: prisma.$envelope.stats() }
  return `${json}\n${inspect(seen, { depth: 12, maxArrayLength: null, maxStringLength: null })}`
}

async function expectSilence(work: () => Promise<unknown>): Promise<void> {
  const text = await shown(work)
  expect(words.filter((word) => text.includes(word))).toEqual([])
}

const { string } = canary
let count = 0
/** Data of a patient, all of whose encrypted values are canaries; the e-mail is another one each time. */
function patient(): Types.PatientUncheckedCreateInput {
  count += 1
  return {
    id: `patient-${count}`,
    email: `${string}.${count}@example.org`,
    ssn: string,
    fullName: string,
    birthDate: canary.dateTime,
    history: { ...canary.json },
    notes: string,
    ward: 'B2',
  }
}

async function created(): Promise<{ readonly id: string; readonly email: string }> {
  return prisma.patient.create({ data: patient(), select: { id: true, email: true } })
}

const changes = { fullName: `${string} the Second`, birthDate: canary.dateTime, history: { ...canary.json }, notes: null }

type Operation = Exclude<Types.PrismaAction, 'executeRaw' | 'queryRaw' | 'runCommandRaw' | 'findRaw'>
type Db = Pick<EncryptedClient, 'patient' | 'doctor' | 'tag'>

/** Every operation of Prisma, with canaries wherever it takes values. A call is made before it runs, so that an array can hold it. */
const operations: Record<
  Operation,
  (db: Db, row: { readonly id: string; readonly email: string }) => Types.PrismaPromise<unknown>
> = {
  findUnique: (db, { email }) => db.patient.findUnique({ where: { email }, include: { conditions: true } }),
  findUniqueOrThrow: (db, { email }) => db.patient.findUniqueOrThrow({ where: { email, ssn: string } }),
  findFirst: (db, { email }) =>
    db.patient.findFirst({ where: { OR: [{ email: { in: [email, string] } }, { ssn: { not: string } }] } }),
  findFirstOrThrow: (db) => db.patient.findFirstOrThrow({ where: { NOT: { ssn: null }, AND: { ssn: string } } }),
  findMany: (db, { email }) =>
    db.patient.findMany({ where: { ssn: { equals: string, notIn: [email] } }, cursor: { email }, take: 5 }),
  count: (db) => db.patient.count({ where: { ssn: string } }),
  aggregate: (db) => db.patient.aggregate({ where: { ssn: { in: [string] } }, _count: true }),
  groupBy: (db) => db.patient.groupBy({ by: ['ward'], where: { ssn: string }, _count: true }),
  create: (db) => db.patient.create({ data: { ...patient(), profile: { create: { phone: string, bio: string } } } }),
  createMany: (db) => db.patient.createMany({ data: [patient(), patient()] }),
  createManyAndReturn: (db) => db.patient.createManyAndReturn({ data: [patient(), patient()] }),
  update: (db, { email }) => db.patient.update({ where: { email }, data: changes }),
  updateMany: (db, { id }) =>
    db.patient.updateMany({ where: { id, ssn: string }, data: { notes: string, fullName: { set: string } } }),
  updateManyAndReturn: (db, { id }) => db.patient.updateManyAndReturn({ where: { id }, data: changes }),
  upsert: (db, { email }) => db.patient.upsert({ where: { email }, create: patient(), update: { notes: string } }),
  delete: (db, { email }) => db.patient.delete({ where: { email } }),
  deleteMany: (db, { email }) => db.patient.deleteMany({ where: { OR: [{ email }, { ssn: `${string} none` }] } }),
}

describe.each(Object.entries(operations))('%s', (_, operation) => {
  test('alone', async () => {
    const row = await created()
    await expectSilence(() => operation(prisma, row))
  })

  test('in an array', async () => {
    const row = await created()
    await expectSilence(() => prisma.$transaction([prisma.patient.count(), operation(prisma, row)]))
  })

  test('in an interactive transaction', async () => {
    const row = await created()
    await expectSilence(() => prisma.$transaction((transaction) => operation(transaction as unknown as Db, row)))
  })
})

const below: Record<
  string,
  (row: { readonly id: string; readonly email: string }) => Types.PatientUpdateManyWithoutDoctorNestedInput
> = {
  create: () => ({ create: [patient(), { ...patient(), conditions: { create: { code: string, description: string } } }] }),
  createMany: () => ({ createMany: { data: [patient()] } }),
  connect: ({ email }) => ({ connect: { email } }),
  connectOrCreate: ({ email }) => ({
    connectOrCreate: [email, `${string}.none`].map((where) => ({ where: { email: where }, create: patient() })),
  }),
  update: ({ email }) => ({ connect: { email }, update: { where: { email }, data: changes } }),
  upsert: ({ email }) => ({ connect: { email }, upsert: { where: { email }, create: patient(), update: changes } }),
  updateMany: ({ email }) => ({ connect: { email }, updateMany: { where: { ssn: string }, data: changes } }),
  set: ({ email }) => ({ set: [{ email }] }),
  disconnect: ({ email }) => ({ connect: { email }, disconnect: { email } }),
  delete: ({ email }) => ({ connect: { email }, delete: { email } }),
  deleteMany: () => ({ create: patient(), deleteMany: { ssn: string } }),
}

test.each(Object.entries(below))('nested %s', async (_, write) => {
  const { id } = await prisma.doctor.create({ data: { name: string } })
  const row = await created()
  await expectSilence(() =>
    prisma.doctor.update({ where: { id }, data: { name: string, patients: write(row) }, include: { patients: true } }),
  )
})

test('values of every type, written and read', async () => {
  const entries = Object.entries(canary)
  const data = {
    ...canary,
    ...Object.fromEntries(entries.map(([name, value]) => [`${name}Opt`, value])),
    ...Object.fromEntries(entries.map(([name, value]) => [`${name}List`, [value, value]])),
  } as unknown as Types.AllTypesCreateInput
  await expectSilence(async () => {
    const { id } = await prisma.allTypes.create({ data })
    await prisma.allTypes.createMany({ data: [data as Types.AllTypesCreateManyInput] })
    await prisma.allTypes.update({ where: { id }, data: { ...data, string: { set: string } } as Types.AllTypesUpdateInput })
    await prisma.allTypes.update({ where: { id }, data: { jsonList: { set: [{ ...canary.json }] }, bytes: canary.bytes } })
    await prisma.allTypes.updateMany({ data: { dateTime: canary.dateTime, decimalOpt: canary.decimal } })
    const read = await prisma.allTypes.findMany()
    expect(read.map(({ bigInt }) => bigInt)).toEqual([canary.bigInt, canary.bigInt])
  })
})

test('rows of every model', () => expectSilence(() => seedEveryModel(prisma)))

test('raw SQL by tokens', async () => {
  const { email } = await created()
  await expectSilence(async () => {
    const token = await prisma.$envelope.token('Patient.email', email)
    const rows = await prisma.$queryRaw<Record<string, unknown>[]>`SELECT * FROM "Patient" WHERE email = ${token}`
    const [revealed] = await prisma.$envelope.reveal('Patient', rows)
    expect(revealed).toMatchObject({ fullName: string })
  })
})

test('what fails', async () => {
  const { email } = await created()
  const failures: (() => Promise<unknown>)[] = [
    () => prisma.patient.create({ data: { ...patient(), email } }),
    () => prisma.patient.create({ data: { ...patient(), doctorId: '0b3e4e8a-5d5f-4a4e-8d0f-1f6f5a1c2d3f' } }),
    () => prisma.patient.update({ where: { email: `${string}.none` }, data: changes }),
    () => prisma.nativeTypes.create({ data: { varChar: string.repeat(9) } }),
  ]
  // Prisma logs no statement that failed: those before and after it count.
  await expectSilence(async () => {
    for (const failure of failures) await expect(failure()).rejects.toThrow()
    await prisma.patient.count()
  })
})

test('the test itself would notice', async () => {
  const text = await shown(() => prisma.patient.findMany({ where: { ward: string, createdAt: canary.dateTime } }))
  expect(words.filter((word) => text.includes(word))).toEqual(['Quillfeather', '1937-08-19'])
  const allTypes = { where: { id: { in: [canary.int] } } }
  expect(await shown(() => prisma.allTypes.findMany(allTypes))).toContain(String(canary.int))
})
