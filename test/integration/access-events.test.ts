import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import type { AccessEvent } from 'prisma-envelope'
import { afterAll, beforeEach, expect, test, vi } from 'vitest'
import { createEncryptedClient } from '../support/encrypted-client.ts'
import { HOUSE, seedHospital } from '../support/hospital.ts'
import { kmsClient } from '../support/kms-client.ts'

const events: AccessEvent[] = []
const { client, sql, kms, arn, prisma: silent } = await createEncryptedClient('access_events', { deadline: 60_000, raw: 'allow' })
const prisma = client({ onAccess: (event) => void events.push(event) })
await seedHospital(silent)

const admin = kmsClient(kms)
afterAll(() => admin.destroy())

beforeEach(() => {
  events.length = 0
})

/** What was told since the last look: action, row, fields, cache and operation. */
function told(): string[] {
  return events.splice(0).map((event) => {
    const key = event.primaryKey === null ? '?' : Object.values(event.primaryKey).join(',')
    const what = event.code === undefined ? event.action : `${event.action} to ${event.attempt}: ${event.code},`
    const name = event.keyName === undefined ? '' : ` ${event.keyName}`
    return `${what} ${event.model} ${key} [${event.fields.join(' ')}]${name} ${event.cache} ${event.operation}`
  })
}

const ALL = 'email ssn fullName birthDate history notes'

test('a read tells of every row at every depth, with the fields that the caller gets', async () => {
  await prisma.doctor.findUnique({
    where: { id: HOUSE },
    select: {
      patients: {
        orderBy: { id: 'asc' },
        select: { fullName: true, conditions: { orderBy: { id: 'asc' } }, profile: { select: { theme: true } } },
      },
    },
  })
  expect(told()).toEqual([
    'opened Patient ada [fullName] pii miss findUnique',
    'opened Condition 1 [code description] pii miss findUnique',
    'opened Condition 2 [code description] pii miss findUnique',
    'opened Patient bob [fullName] pii miss findUnique',
    'opened Condition 3 [code description] pii miss findUnique',
  ])
})

test('what the cache answers is told like what the KMS answers', async () => {
  const reader = client({ onAccess: (event) => void events.push(event) })
  kms.resetLog()
  await reader.patient.findUnique({ where: { id: 'cem' } })
  expect(kms.calls).toEqual({ Decrypt: 1 })
  expect(events[0]).toMatchObject({
    action: 'opened',
    model: 'Patient',
    primaryKey: { id: 'cem' },
    keyName: 'pii',
    context: {},
    settings: {},
    cache: 'miss',
  })
  expect(events[0]?.duration).toBeGreaterThan(0)
  expect(Object.isFrozen(events[0])).toBe(true)
  await reader.patient.findMany({ where: { ward: 'B2' }, orderBy: { id: 'asc' }, omit: { notes: true, history: true } })
  expect(kms.calls).toEqual({ Decrypt: 1 })
  expect(told().slice(1)).toEqual([
    'opened Patient cem [email ssn fullName birthDate] pii hit findMany',
    'opened Patient dea [email ssn fullName birthDate] pii hit findMany',
  ])
})

test('reads of no encrypted field tell nothing; one that is found by a token tells of its comparison', async () => {
  await prisma.patient.findMany({ select: { id: true, ward: true } })
  await prisma.patient.count({ where: { ssn: '111-11-1111' } })
  await prisma.plain.findMany()
  expect(told()).toEqual([])
  await prisma.patient.findUnique({ where: { email: 'dea@example.org' }, select: { ward: true } })
  expect(told()).toEqual(['opened Patient dea [] pii hit findUnique'])
})

test('a create tells of each row that it seals, at every depth, and of what it gives back', async () => {
  await prisma.patient.create({
    data: {
      id: 'eva',
      email: 'eva@example.org',
      fullName: 'Eva Egg',
      ward: 'C3',
      profile: { create: { phone: '+44 3' } },
      conditions: { create: { code: 'A00', description: 'cholera' } },
    },
    include: { conditions: true },
  })
  const condition = await silent.condition.findFirstOrThrow({ where: { patientId: 'eva' } })
  expect(told().sort()).toEqual(
    [
      'sealed Condition ? [code description] pii generated create',
      'sealed Profile eva [bio phone] pii generated create',
      `sealed Patient eva [${ALL}] pii generated create`,
      `opened Patient eva [${ALL}] pii hit create`,
      `opened Condition ${condition.id} [code description] pii hit create`,
    ].sort(),
  )
})

test('createMany tells of each row, without the keys that the database makes', async () => {
  await prisma.category.createMany({ data: [{ name: 'one' }, { name: 'two' }] })
  expect(told()).toEqual([
    'sealed Category ? [name] pii generated createMany',
    'sealed Category ? [name] pii generated createMany',
  ])
  await prisma.patient.createManyAndReturn({
    data: [{ id: 'fay', email: 'fay@example.org', fullName: 'Fay', ward: 'C3' }],
    select: { fullName: true },
  })
  expect(told()).toEqual([
    `sealed Patient fay [${ALL}] pii hit createManyAndReturn`,
    'opened Patient fay [fullName] pii hit createManyAndReturn',
  ])
})

test('an update of some fields tells of the opening that it merges, of the sealing, and of what it gives back', async () => {
  await prisma.patient.update({ where: { id: 'fay' }, data: { notes: 'quiet' }, select: { id: true, notes: true } })
  expect(told()).toEqual([
    'opened Patient fay [] pii hit update',
    'sealed Patient fay [notes] pii hit update',
    'opened Patient fay [notes] pii hit update',
  ])
  await prisma.patient.update({ where: { id: 'fay' }, data: { ward: 'C4' }, select: { id: true } })
  expect(told()).toEqual([])
})

test('many-row updates tell of every row', async () => {
  await prisma.patient.updateMany({ where: { ward: 'B2' }, data: { notes: 'moved' } })
  expect(told().sort()).toEqual([
    'opened Patient cem [] pii hit updateMany',
    'opened Patient dea [] pii hit updateMany',
    'sealed Patient cem [notes] pii hit updateMany',
    'sealed Patient dea [notes] pii hit updateMany',
  ])
})

test('upserts tell which way they went', async () => {
  const upsert = (): Promise<unknown> =>
    prisma.profile.upsert({
      where: { patientId: 'cem' },
      create: { patientId: 'cem', phone: '+44 5' },
      update: { phone: '+44 6' },
      select: { phone: true },
    })
  await upsert()
  expect(told()).toEqual(['sealed Profile cem [bio phone] pii hit upsert', 'opened Profile cem [phone] pii hit upsert'])
  await upsert()
  expect(told()).toEqual([
    'opened Profile cem [] pii hit upsert',
    'sealed Profile cem [phone] pii hit upsert',
    'opened Profile cem [phone] pii hit upsert',
  ])
})

test('rows that a nested write claims and seals for another parent are told of', async () => {
  const { id } = await silent.condition.findFirstOrThrow({ where: { patientId: 'eva' } })
  await prisma.patient.update({ where: { id: 'cem' }, data: { conditions: { connect: { id } } }, select: { id: true } })
  const all = told()
  expect(all).toContain(`sealed Condition ${id} [] pii hit update`)
  expect(all.every((line) => line.includes(`Condition ${id} []`))).toBe(true)
})

test('$envelope.reveal and groupBy tell what they hand out', async () => {
  const rows = await sql('SELECT id, "fullName", envelope FROM "Patient" WHERE id = \'bob\'')
  await prisma.$envelope.reveal('Patient', rows)
  expect(told()).toEqual(['opened Patient bob [fullName] pii hit $envelope.reveal'])
  await prisma.patient.groupBy({ by: ['ssn'], where: { ssn: { not: null } }, _count: true })
  expect(told().sort()).toEqual(['opened Patient ada [ssn] pii hit groupBy', 'opened Patient bob [ssn] pii hit groupBy'])
})

test('operations of batch and interactive transactions are told like others', async () => {
  const read = { where: { id: 'bob' }, select: { fullName: true } } as const
  await prisma.$transaction([
    prisma.patient.findUnique(read),
    prisma.patient.updateMany({ where: { id: 'none' }, data: { ward: 'A1' } }),
  ])
  await prisma.$transaction((transaction) => transaction.patient.findUnique(read))
  const line = 'opened Patient bob [fullName] pii hit findUnique'
  expect(told()).toEqual([line, line])
})

test('a transaction of the extension’s own that is undone to fetch a key tells of its last attempt alone', async () => {
  const cold = client({ onAccess: (event) => void events.push(event) })
  await cold.patient.updateMany({ where: { ward: 'B2' }, data: { notes: 'again' } })
  expect(told().sort()).toEqual([
    'opened Patient cem [] pii miss updateMany',
    'opened Patient dea [] pii miss updateMany',
    'sealed Patient cem [notes] pii generated updateMany',
    'sealed Patient dea [notes] pii generated updateMany',
  ])
})

test('a row that is sealed in a transaction which is rolled back was sealed', async () => {
  const failing = prisma.$transaction(async (transaction) => {
    await transaction.patient.update({ where: { id: 'bob' }, data: { notes: 'lost' }, select: { id: true } })
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  expect(told().filter((line) => line.startsWith('sealed'))).toEqual(['sealed Patient bob [notes] pii hit update'])
})

test('what does not open is told with its code, and by which key it was sealed where the envelope tells', async () => {
  await sql(`CREATE TABLE kept AS SELECT * FROM "Patient" WHERE id = 'fay'`)
  const attempt = (): Promise<unknown> => prisma.patient.findUnique({ where: { id: 'fay' }, select: { fullName: true } })
  const damages: [set: string, line: string][] = [
    [
      `envelope = jsonb_set(envelope, '{dek}', to_jsonb(reverse(envelope->>'dek')))`,
      'CANNOT_OPEN, Patient fay [fullName] pii hit',
    ],
    [`envelope = '{}'`, 'CANNOT_OPEN, Patient fay [fullName] undefined'],
    [`envelope = NULL`, 'PLAINTEXT_FOUND, Patient fay [] undefined'],
    [`envelope = (SELECT envelope FROM kept), "fullName" = 'Somebody'`, 'FOREIGN_WRITE, Patient fay [fullName] undefined'],
  ]
  for (const [set, line] of damages) {
    await sql(`UPDATE "Patient" SET ${set} WHERE id = 'fay'`)
    await expect(attempt()).rejects.toThrow()
    expect(told().at(-1)).toBe(`failed to open: ${line} findUnique`)
  }
  await sql(`UPDATE "Patient" SET "fullName" = '*' WHERE id = 'fay'`)
  await attempt()
  expect(told()).toHaveLength(1)
})

test('what a KMS refuses is told for every row, on the way out and in', async () => {
  const cold = client({ onAccess: (event) => void events.push(event) })
  await admin.send(new DisableKeyCommand({ KeyId: arn }))
  await expect(
    cold.patient.findMany({ where: { ward: 'B2' }, orderBy: { id: 'asc' }, select: { fullName: true } }),
  ).rejects.toThrow()
  expect(told()).toEqual([
    'failed to open: KEY_DISABLED, Patient cem [fullName] pii miss findMany',
    'failed to open: KEY_DISABLED, Patient dea [fullName] pii miss findMany',
  ])
  await expect(cold.category.createMany({ data: [{ name: 'three' }] })).rejects.toThrow()
  expect(told()).toEqual(['failed to seal: KEY_DISABLED, Category ? [name] undefined createMany'])
  await admin.send(new EnableKeyCommand({ KeyId: arn }))
})

test('a hook that fails takes nothing from the operation, and warns once', async () => {
  const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  const failing = client({
    onAccess: () => {
      throw new Error('the log is full')
    },
  })
  const rejecting = client({ onAccess: () => Promise.reject(new Error('the log is full')) as never })
  for (const broken of [failing, failing, rejecting]) {
    expect(await broken.patient.findUnique({ where: { id: 'bob' } })).toMatchObject({ fullName: 'Bob Bush' })
  }
  await new Promise((resolve) => setImmediate(resolve))
  const expected = { type: 'PrismaEnvelopeWarning', code: 'PRISMA_ENVELOPE_ACCESS_HOOK' }
  expect(warnings.mock.calls.map(([, options]) => options)).toEqual([expected, expected])
  warnings.mockRestore()
})

test('the diagnostics channel hears of all clients while somebody subscribes', async () => {
  const heard: unknown[] = []
  const listen = (event: unknown): void => void heard.push(event)
  await silent.patient.findUnique({ where: { id: 'bob' } })
  subscribe('prisma-envelope:access', listen)
  afterAll(() => void unsubscribe('prisma-envelope:access', listen))
  await silent.patient.findUnique({ where: { id: 'bob' }, select: { notes: true } })
  unsubscribe('prisma-envelope:access', listen)
  await silent.patient.findUnique({ where: { id: 'bob' } })
  expect(heard).toHaveLength(1)
  expect(heard[0]).toMatchObject({ action: 'opened', model: 'Patient', primaryKey: { id: 'bob' }, fields: ['notes'] })
})

test('who acts, for whom and why is told, and the row’s context; a row of another tenant is told as a failure', async () => {
  const tenants = client({
    onAccess: (event) => void events.push(event),
    context: (row, { settings }): Record<string, string> =>
      row.model === 'CuidKey' ? { tenant: settings['tenant'] ?? 'none' } : {},
  })
  const settings = { tenant: 'north', actor: 'nurse', reason: 'ward round' }
  const { id } = await tenants.$envelope(settings).cuidKey.create({ data: { secret: 'x' } })
  const place = { model: 'CuidKey', primaryKey: { id }, operation: 'create', context: { tenant: 'north' } }
  expect(events.splice(0)).toMatchObject([
    { ...place, action: 'sealed', settings },
    { ...place, action: 'opened', settings },
  ])
  const spy = { tenant: 'south', actor: 'spy' }
  await expect(tenants.$envelope(spy).cuidKey.findMany()).rejects.toMatchObject({ code: 'CONTEXT_MISMATCH' })
  expect(events.splice(0)).toMatchObject([
    { action: 'failed', attempt: 'open', code: 'CONTEXT_MISMATCH', primaryKey: { id }, settings: spy },
  ])
})

test('the option must be a function', () => {
  expect(() => client({ onAccess: 'log' as never })).toThrow('`onAccess` must be a function')
})
