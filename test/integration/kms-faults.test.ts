import { inspect } from 'node:util'
import { DisableKeyCommand, EnableKeyCommand, KMSClient, UpdateAliasCommand } from '@aws-sdk/client-kms'
import { awsKms } from '@prisma-envelope/kms/aws'
import { type Fault, type LocalKms, startLocalKms } from '@prisma-envelope/local-kms'
import { createIndexKey, type EnvelopeErrorCode, type EnvelopeOptions } from 'prisma-envelope'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { createEncryptedClient } from '../support/encrypted-client.ts'
import { kmsClient } from '../support/kms-client.ts'
import { outputOf, ownProcess } from '../support/own-process.ts'
import { expectRefusal } from '../support/refused.ts'

const { database, sql, kms, keys, indexKey, prisma, client } = await createEncryptedClient('kms_faults')

const clients: KMSClient[] = []
afterEach(() => kms.faults.clear())
afterAll(() => {
  for (const made of clients) made.destroy()
})

const SECRET = 'Lovelace'

/** A client of a KMS that tries each call once, so that calls can be counted. */
function impatient(server: LocalKms, credentials = server.credentials): KMSClient {
  const made = new KMSClient({ endpoint: server.url, region: server.region, credentials: { ...credentials }, maxAttempts: 1 })
  clients.push(made)
  return made
}

const { arn, id: keyId } = await kms.createKey('alias/app-pii')
const admin = kmsClient(kms)
afterAll(() => admin.destroy())

/** An extended client with empty caches, whose provider is named as the one that sealed the rows. */
function cold(options: Partial<EnvelopeOptions> = {}, through = impatient(kms), key = arn) {
  return client({ keys: { current: awsKms({ name: 'pii', keyId: key, client: through }) }, ...options })
}
type Client = ReturnType<typeof cold>

let count = 0
async function seeded() {
  count += 1
  const id = `patient ${count}`
  await prisma.patient.create({ data: newcomer(id) })
  return id
}

function newcomer(id: string) {
  return { id, email: `${id}@lovelace.org`, fullName: `${id} Lovelace`, ward: 'B2' }
}

const all = { ssn: null, fullName: 'X Lovelace', birthDate: null, history: 1, notes: null }

/** Operations that need the KMS, on a client with empty caches. */
const operations: Record<string, (db: Client, id: string) => Promise<unknown>> = {
  'a read': (db, id) => db.patient.findUnique({ where: { id } }),
  'a search': (db, id) => db.patient.findMany({ where: { email: `${id}@lovelace.org` } }),
  'a create': (db, id) => db.patient.create({ data: newcomer(`${id} new`) }),
  'a createMany': (db, id) => db.patient.createMany({ data: [newcomer(`${id} new`), newcomer(`${id} newer`)] }),
  'a nested create': (db, id) => db.tag.create({ data: { label: id, patients: { create: newcomer(`${id} new`) } } }),
  'a partial update': (db, id) => db.patient.update({ where: { id }, data: { notes: 'Lovelace' } }),
  'a full update': (db, id) => db.patient.update({ where: { id }, data: { ...all, email: `${id}@lovelace.org` } }),
  'an interactive transaction': (db, id) =>
    db.$transaction(async (tx) => {
      await tx.tag.create({ data: { label: id } })
      await tx.patient.update({ where: { id }, data: { notes: 'Lovelace' } })
    }),
  'a batch transaction': (db, id) =>
    db.$transaction([db.tag.create({ data: { label: id } }), db.patient.create({ data: newcomer(`${id} new`) })]),
}

/** What comes of a failure that no attempt follows; retries and breakers have tests of their own. */
const once = { maxAttempts: 1, breaker: { failures: Infinity } }

const expectFailure = (code: EnvelopeErrorCode, call: () => Promise<unknown>) => expectRefusal(sql, call, { code }, SECRET)

describe('what the KMS answers reaches the caller as a code, writes nothing, and is forgotten:', () => {
  const disabled = async () => {
    await admin.send(new DisableKeyCommand({ KeyId: keyId }))
    return () => admin.send(new EnableKeyCommand({ KeyId: keyId }))
  }
  const injected = (fault: Fault) => async () => kms.faults.inject(fault)
  const troubles: [string, EnvelopeErrorCode, () => Promise<() => unknown>][] = [
    ['a disabled key', 'KEY_DISABLED', disabled],
    ['throttling', 'THROTTLED', injected({ throttle: true })],
    ['an internal failure', 'UNAVAILABLE', injected({ status5xx: 500 })],
    ['a failing proxy', 'UNAVAILABLE', injected({ status5xx: 502 })],
    ['a dropped connection', 'UNAVAILABLE', injected({ drop: true })],
    ['no answer', 'TIMEOUT', injected({ hang: true })],
    ['a denied call', 'ACCESS_DENIED', injected({ exception: { name: 'AccessDeniedException' } })],
    ['a key pending deletion', 'KEY_DISABLED', injected({ exception: { name: 'KMSInvalidStateException' } })],
  ]
  const cases = troubles.flatMap((trouble) =>
    Object.entries(operations).map(([title, operation]) => [trouble[0], trouble[1], title, trouble[2], operation] as const),
  )

  test.each(cases)('%s gives %s to %s', async (_, code, title, begin, operation) => {
    const id = await seeded()
    const fresh = cold({ deadline: code === 'TIMEOUT' ? 150 : 5_000, kms: once })
    const end = await begin()
    try {
      await expectFailure(code, () => operation(fresh, id))
      const { [Object.keys(operations).find((name) => name !== title) ?? '']: another } = operations
      if (another !== undefined) await expectFailure(code, () => another(fresh, id))
    } finally {
      await end()
    }
    await expect(operation(fresh, id)).resolves.not.toThrow()
    expect(await prisma.patient.findUnique({ where: { id } })).toMatchObject({ fullName: expect.stringContaining('Lovelace') })
  })

  test('a failed read names the row, and its cause is the error of the KMS', async () => {
    const id = await seeded()
    kms.faults.inject({ throttle: true })
    const error = await expectFailure('THROTTLED', () => cold({ kms: once }).patient.findUnique({ where: { id } }))
    expect(error).toMatchObject({
      model: 'Patient',
      operation: 'findUnique',
      primaryKey: { id },
      cause: { name: 'ThrottlingException' },
    })
    expect(inspect(error, { depth: null })).not.toContain(kms.credentials.secretAccessKey)
  })

  test('a call that hangs is ended at the deadline, at its socket', async () => {
    const id = await seeded()
    const fresh = cold({ deadline: 100 })
    kms.faults.inject({ hang: true, times: 1 })
    await expectFailure('TIMEOUT', () => fresh.patient.findUnique({ where: { id } }))
    expect(await fresh.patient.findUnique({ where: { id } })).toMatchObject({ id })
  })

  test('a cached key outlives the KMS', async () => {
    const id = await seeded()
    const warm = cold()
    await warm.patient.update({ where: { email: `${id}@lovelace.org` }, data: { notes: 'warm' } })
    kms.faults.inject({ status5xx: 500 })
    await warm.patient.update({ where: { id }, data: { notes: 'still warm' } })
    expect(await warm.patient.findUnique({ where: { email: `${id}@lovelace.org` } })).toMatchObject({ notes: 'still warm' })
  })
})

describe('a KMS that is not the one that sealed the rows:', () => {
  const unknown = arn.replace(keyId, '11111111-2222-4333-8444-555555555555')

  test.each(Object.entries(operations).filter(([title]) => /read|search|update/.test(title)))(
    '%s under another key is KEY_UNKNOWN',
    async (_, operation) => {
      const id = await seeded()
      const { arn: other } = await kms.createKey()
      await expectFailure('KEY_UNKNOWN', () => operation(cold({ deadline: 5_000 }, impatient(kms), other), id))
    },
  )

  test.each(Object.entries(operations))('%s under a key that there is not is KEY_UNKNOWN', async (_, operation) => {
    const id = await seeded()
    await expectFailure('KEY_UNKNOWN', () => operation(cold({}, impatient(kms), unknown), id))
  })

  test('a provider of another account does not know the rows; the account of the rows answers for itself alone', async () => {
    const id = await seeded()
    const foreign = await startLocalKms({ accountId: '999999999999' })
    const { arn: theirs } = await foreign.createKey()
    await expectFailure('KEY_UNKNOWN', () => cold({}, impatient(foreign), theirs).patient.findUnique({ where: { id } }))
    await expectFailure('ACCESS_DENIED', () => cold({}, impatient(foreign), arn).patient.findUnique({ where: { id } }))
    await expectFailure('ACCESS_DENIED', () =>
      cold({}, impatient(kms), theirs).givenKey.create({ data: { id: 'no', secret: SECRET } }),
    )
    await foreign.stop()
  })

  test('a KMS that is down is UNAVAILABLE', async () => {
    const id = await seeded()
    const gone = await startLocalKms()
    const through = impatient(gone)
    await gone.stop()
    for (const operation of Object.values(operations))
      await expectFailure('UNAVAILABLE', () => operation(cold({ kms: once }, through), id))
  })

  test('wrong credentials are ACCESS_DENIED', async () => {
    const id = await seeded()
    const through = impatient(kms, { accessKeyId: kms.credentials.accessKeyId, secretAccessKey: 'a guess of Lovelace' })
    for (const operation of Object.values(operations))
      await expectFailure('ACCESS_DENIED', () => operation(cold({}, through), id))
  })

  test('a provider of another name does not open rows, unless the first one stands beside it', async () => {
    const id = await seeded()
    const { arn: next } = await kms.createKey()
    const promoted = { current: awsKms({ name: 'pii-2', keyId: next, client: impatient(kms) }) }
    const ofPromoted = { keys: promoted, indexKey: { current: await createIndexKey(promoted) } }
    await expectFailure('KEY_UNKNOWN', () => client(ofPromoted).patient.findUnique({ where: { id } }))
    const rotated = client({ keys: { ...promoted, others: [keys.current] } })
    await rotated.patient.update({ where: { id }, data: { notes: 'rotated' } })
    const [row] = await sql<{ kid: string }>(`SELECT envelope->>'kid' AS kid FROM "Patient" WHERE id = $1`, [id])
    expect(row).toEqual({ kid: 'pii-2' })
    expect(await rotated.patient.findUnique({ where: { id } })).toMatchObject({ notes: 'rotated' })
    await expectFailure('KEY_UNKNOWN', () => cold().patient.findUnique({ where: { id } }))
    await sql(`DELETE FROM "Patient" WHERE id = $1`, [id])
  })
})

test('an alias that is pointed to another key leaves old rows readable, and seals new ones under the new key', async () => {
  const first = await kms.createKey('alias/moving')
  const through = impatient(kms)
  const aliased = () => cold({}, through, 'alias/moving')
  await aliased().patient.create({ data: newcomer('old') })
  const second = await kms.createKey()
  await admin.send(new UpdateAliasCommand({ AliasName: 'alias/moving', TargetKeyId: second.id }))
  kms.resetLog()
  const after = aliased()
  expect(await after.patient.findUnique({ where: { id: 'old' } })).toMatchObject({ fullName: 'old Lovelace' })
  await after.patient.create({ data: newcomer('new') })
  expect(await aliased().patient.findMany({ where: { id: { in: ['old', 'new'] } } })).toHaveLength(2)
  const decrypted = kms.contexts.filter(
    ({ operation, context }) => operation === 'Decrypt' && JSON.stringify(context).includes('Patient'),
  )
  expect(decrypted.map((entry) => entry.keyId?.split('/').at(-1))).toEqual(expect.arrayContaining([first.id, second.id]))
  await sql(`DELETE FROM "Patient" WHERE id IN ('old', 'new')`)
})

test('the KMS is asked under the context of the row, so that a key of another table does not open', async () => {
  kms.resetLog()
  const id = await seeded()
  await prisma.doctor.create({ data: { name: 'D' } })
  await sql(`UPDATE "Patient" SET envelope = (SELECT envelope FROM "Doctor" LIMIT 1) WHERE id = $1`, [id])
  await expectFailure('CANNOT_OPEN', () => cold().patient.findUnique({ where: { id } }))
  const [last] = kms.contexts.slice(-1)
  expect(last).toMatchObject({ operation: 'Decrypt' })
  expect(Object.values(last?.context ?? {})).toContain('Patient')
  await sql(`DELETE FROM "Patient" WHERE id = $1`, [id])
})

describe('the number of KMS calls', () => {
  const rows = (n: number, prefix: string) => Array.from({ length: n }, (_, i) => ({ id: `${prefix} ${i}`, secret: `${i}` }))
  const named = (prefix: string) => ({ where: { id: { startsWith: prefix } } })

  test('of a cold read of 5,000 rows that were written in one run is one, of a warm one none', async () => {
    const writer = cold()
    kms.resetLog()
    await writer.givenKey.createMany({ data: rows(5_000, 'run') })
    expect(kms.calls).toEqual({ GenerateDataKey: 1 })
    const reader = cold()
    kms.resetLog()
    expect(await reader.givenKey.findMany(named('run'))).toHaveLength(5_000)
    expect(kms.calls).toEqual({ Decrypt: 1 })
    await reader.givenKey.findMany(named('run'))
    await reader.givenKey.findUnique({ where: { id: 'run 7' } })
    expect(kms.calls).toEqual({ Decrypt: 1 })
  })

  test('of 3,000 concurrent cold reads of one row is one', async () => {
    await prisma.givenKey.create({ data: { id: 'stampede', secret: 's' } })
    const reader = cold()
    kms.resetLog()
    const found = await Promise.all(
      Array.from({ length: 3_000 }, () => reader.givenKey.findUnique({ where: { id: 'stampede' } })),
    )
    expect(found.filter((row) => row?.secret === 's')).toHaveLength(3_000)
    expect(kms.calls).toEqual({ Decrypt: 1 })
  })

  test('of 300 rows in direct mode is 300 to write, 300 to read cold, none to read warm', async () => {
    const writer = cold({ wrap: 'direct' })
    kms.resetLog()
    await writer.givenKey.createMany({ data: rows(300, 'direct') })
    expect(kms.calls).toEqual({ GenerateDataKey: 300 })
    const reader = cold({ wrap: 'direct' })
    kms.resetLog()
    expect(await reader.givenKey.findMany(named('direct'))).toHaveLength(300)
    expect(kms.calls).toEqual({ Decrypt: 300 })
    expect(await reader.givenKey.findMany(named('direct'))).toHaveLength(300)
    expect(kms.calls).toEqual({ Decrypt: 300 })
  })

  test('of searches is one for the index key, however many there are', async () => {
    const id = await seeded()
    const searcher = cold()
    kms.resetLog()
    await Promise.all(Array.from({ length: 100 }, (_, i) => searcher.patient.count({ where: { email: `${id} ${i}` } })))
    expect(kms.calls).toEqual({ Decrypt: 1 })
  })

  test('of operations that open nothing is none', async () => {
    const idle = cold()
    kms.resetLog()
    await idle.plain.create({ data: { name: 'x' } })
    await idle.patient.findMany({ select: { id: true, ward: true } })
    await idle.patient.updateMany({ data: { ward: 'x' } })
    await idle.patient.count()
    expect(kms.calls).toEqual({})
  })

  test('of failures is that of the attempts: what may pass is tried again, what is refused is not, and neither is remembered', async () => {
    const id = await seeded()
    const reader = cold()
    const read = () => reader.patient.findUnique({ where: { id } })
    kms.resetLog()
    kms.faults.inject({ exception: { name: 'AccessDeniedException' }, times: 2 })
    await expect(read()).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    await expect(read()).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    expect(kms.calls).toEqual({ Decrypt: 2 })
    kms.faults.inject({ throttle: true, times: 2 })
    await read()
    await read()
    expect(kms.calls).toEqual({ Decrypt: 5 })
  })
})

test('a process whose keys are cached ends by itself', async () => {
  const id = await seeded()
  const started = ownProcess(
    new URL('../support/process-with-keys.ts', import.meta.url),
    { database, kms, arn, indexKey },
    { PATIENT: `${id}@lovelace.org` },
  )
  expect(await outputOf(started, 45_000)).toBe(`${id} Lovelace`)
})
