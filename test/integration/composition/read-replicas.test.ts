import { createRequire } from 'node:module'
import type * as ReadReplicas from '@prisma/extension-read-replicas'
import { assertEncrypted } from 'prisma-envelope'
import { describe, expect, test } from 'vitest'
import { layout } from '../../schema-variants.ts'
import { variant } from '../../support/client.ts'
import { createDatabase } from '../../support/database.ts'
import { type BareClient, createBareClient, type EncryptedClient, extend } from '../../support/encrypted-client.ts'
import { seedHospital } from '../../support/hospital.ts'
import { startKms } from '../../support/kms.ts'
import { createLoggedClient } from '../../support/query-log.ts'
import { contentsOf } from '../../support/refused.ts'
import { outcomeOf, written } from '../../support/written.ts'

/** Its version for the Prisma under test. */
const { readReplicas } = createRequire(new URL(`../../${layout[variant].packages}/package.json`, import.meta.url))(
  '@prisma/extension-read-replicas',
) as typeof ReadReplicas

const kms = await startKms()
const options = { keys: { current: kms.provider }, indexKey: kms.indexKey, raw: 'allow' } as const

type Replicated = EncryptedClient & { $primary(): EncryptedClient; $replica(): BareClient }

/** A primary, a replica that lags far behind it, and the same rows as the primary's on a database without replicas. */
async function databases(hint: string) {
  const [main, stale, alone] = await Promise.all(['main', 'stale', 'alone'].map((part) => createDatabase(`${hint} ${part}`)))
  if (main === undefined || stale === undefined || alone === undefined) throw new Error('too few databases')
  const [primary, onReplica, reference] = [main, stale, alone].map((database) => extend(createBareClient(database), options))
  if (primary === undefined || onReplica === undefined || reference === undefined) throw new Error('too few clients')
  for (const client of [primary, reference, onReplica]) await seedHospital(client)
  await onReplica.patient.updateMany({ data: { notes: 'stale', history: 'stale', ward: 'Z9' } })
  await onReplica.condition.updateMany({ data: { description: 'stale', code: 'Z00' } })
  await onReplica.profile.updateMany({ data: { bio: 'stale' } })
  await onReplica.patient.delete({ where: { id: 'cem' } })
  return {
    primary,
    onReplica,
    reference,
    staleSql: stale.sql,
    primaryLog: createLoggedClient(main),
    replicaLog: createLoggedClient(stale),
  }
}

/** As the README has it. */
async function encryptedFirst() {
  const all = await databases('encrypted first')
  const replicas = readReplicas({ replicas: [all.replicaLog.bare] })
  return { ...all, db: extend(all.primaryLog.bare, options).$extends(replicas) as unknown as Replicated }
}

/** Writes work, but what `$primary()` gives does not encrypt. */
async function encryptedLast() {
  const all = await databases('encrypted last')
  const replicas = readReplicas({ replicas: [extend(all.replicaLog.bare, options)] })
  return { ...all, db: extend(all.primaryLog.bare.$extends(replicas) as unknown as BareClient, options) as unknown as Replicated }
}

const [first, last] = await Promise.all([encryptedFirst(), encryptedLast()])
const { db, primary, onReplica, primaryLog } = first

describe('reads of a client with replicas, encrypted first', () => {
  test.each<[string, (client: EncryptedClient) => Promise<unknown>]>([
    ['findMany', (client) => client.patient.findMany({ orderBy: { id: 'asc' }, include: { conditions: true, profile: true } })],
    ['findUnique by a token', (client) => client.patient.findUnique({ where: { email: 'Ada@example.org' } })],
    ['findFirst of a part', (client) => client.patient.findFirst({ where: { ssn: '222-22-2222' }, select: { notes: true } })],
    ['findUniqueOrThrow of what is not there yet', (client) => client.patient.findUniqueOrThrow({ where: { id: 'cem' } })],
    ['the fluent API', (client) => client.patient.findUnique({ where: { id: 'ada' } }).conditions({ orderBy: { id: 'asc' } })],
    ['count', (client) => client.condition.count({ where: { code: 'Z00' } })],
    ['aggregate', (client) => client.condition.aggregate({ _count: { code: true }, where: { patient: { ssn: '111-11-1111' } } })],
    ['groupBy of a plain column', (client) => client.patient.groupBy({ by: ['ward'], _count: true, orderBy: { ward: 'asc' } })],
  ])('%s opens what the replica holds', async (_, read) => {
    const statements = await primaryLog.during(async () => {
      expect(await outcomeOf(() => read(db))).toBe(await outcomeOf(() => read(onReplica)))
    })
    expect(await outcomeOf(() => read(db))).not.toBe(await outcomeOf(() => read(primary)))
    expect(statements).toEqual([])
  })

  test('go to the primary inside transactions', async () => {
    const where = { where: { id: 'cem' } }
    expect(await db.$transaction((tx) => tx.patient.findUnique(where))).toMatchObject({ id: 'cem' })
    expect(await db.$transaction([db.patient.findUnique(where)])).toMatchObject([{ id: 'cem' }])
  })

  test('go to the primary by $primary(), decrypted', async () => {
    assertEncrypted(db.$primary())
    expect(await db.$primary().patient.findUnique({ where: { email: 'cem@example.org' } })).toMatchObject({ fullName: 'Cem Can' })
  })

  test('see ciphertext by $replica(), which has to be extended itself', async () => {
    const where = { where: { id: 'ada' } }
    expect(() => assertEncrypted(db.$replica())).toThrow('does not encrypt')
    expect(await db.$replica().patient.findUnique(where)).toMatchObject({ fullName: '*' })
    expect(await extend(db.$replica(), options).patient.findUnique(where)).toMatchObject({ fullName: 'Ada Lovelace' })
  })
})

/** Each of them reads rows that the caller does not ask for. They run one after the other on the same rows. */
const writes: readonly [string, (client: EncryptedClient) => Promise<unknown>][] = [
  ['update of a part', (c) => c.patient.update({ where: { id: 'ada' }, data: { fullName: 'Ada King' } })],
  ['update by a token', (c) => c.patient.update({ where: { email: 'bob@example.org' }, data: { fullName: 'Robert' } })],
  [
    'update of what the replica does not hold',
    (c) =>
      c.patient.update({ where: { id: 'cem' }, data: { notes: 'new' }, include: { conditions: { orderBy: { id: 'asc' } } } }),
  ],
  ['update of nobody', (c) => c.patient.update({ where: { id: 'nobody' }, data: { notes: 'x' } })],
  [
    'upsert by a token, of a row that is there',
    (c) => {
      const [data, where] = [{ fullName: 'Cem Canli' }, { email: 'cem@example.org' }]
      return c.patient.upsert({ where, create: { ...where, ...data, ward: 'x' }, update: data })
    },
  ],
  [
    'upsert by a token, of a row that is not there',
    (c) => {
      const [data, where] = [{ fullName: 'Eva' }, { email: 'eva@example.org' }]
      const create = { ...where, ...data, id: 'eva', ward: 'E5', createdAt: new Date(0) }
      return c.patient.upsert({ where, create, update: data, select: { fullName: true, notes: true, doctor: true } })
    },
  ],
  [
    'upsert by a plain key',
    (c) => c.profile.upsert({ where: { patientId: 'ada' }, create: { phone: '1', patientId: 'ada' }, update: { phone: '2' } }),
  ],
  [
    'nested writes',
    (c) =>
      c.doctor.update({
        where: { id: '0b3e4e8a-5d5f-4a4e-8d0f-1f6f5a1c2d3e' },
        data: {
          name: 'House',
          patients: {
            update: {
              where: { id: 'ada' },
              data: { ssn: '999', conditions: { updateMany: { where: {}, data: { code: 'A00' } } } },
            },
            connect: { email: 'cem@example.org' },
          },
        },
        include: { patients: { orderBy: { id: 'asc' }, include: { conditions: { orderBy: { id: 'asc' } } } } },
      }),
  ],
  [
    'connectOrCreate',
    (c) =>
      c.condition.update({
        where: { id: 5 },
        data: {
          patient: {
            connectOrCreate: {
              where: { email: 'dea@example.org' },
              create: { email: 'dea@example.org', fullName: 'x', ward: 'x' },
            },
          },
        },
        include: { patient: true },
      }),
  ],
  ['updateMany', (c) => c.patient.updateMany({ where: { ssn: '111-11-1111' }, data: { history: { many: true } } })],
  [
    'updateManyAndReturn',
    (c) =>
      c.condition.updateManyAndReturn({
        where: { code: 'A00' },
        data: { description: 'returned' },
        select: { id: true, description: true, code: true },
      }),
  ],
  ['updateMany of a bound column', (c) => c.condition.updateMany({ where: { patientId: 'bob' }, data: { patientId: 'cem' } })],
  [
    'create with nested rows of keys that only the database knows',
    (c) =>
      c.patient.create({
        data: {
          id: 'fay',
          email: 'fay@example.org',
          fullName: 'Fay',
          ward: 'F6',
          createdAt: new Date(0),
          conditions: { create: { code: 'B00', description: 'nested', startedAt: new Date(0) } },
        },
        include: { conditions: true },
      }),
  ],
  ['delete by a token', (c) => c.patient.delete({ where: { email: 'fay@example.org' } })],
  ['deleteMany by a token', (c) => c.condition.deleteMany({ where: { code: 'K21' } })],
  [
    'a batch of operations that take steps',
    (c) =>
      c.$transaction([
        c.patient.update({ where: { id: 'dea' }, data: { notes: 'batched' } }),
        c.condition.groupBy({ by: ['code'], orderBy: { _count: { id: 'asc' } }, _count: true }),
        c.patient.findMany({ where: { ssn: '999' } }),
      ]),
  ],
  [
    'an interactive transaction',
    (c) =>
      c.$transaction(async (tx) => {
        await tx.patient.update({ where: { email: 'dea@example.org' }, data: { history: [1] } })
        return tx.patient.findMany({ orderBy: { id: 'asc' } })
      }),
  ],
]

/** All that a database holds, opened. */
async function opened(client: EncryptedClient): Promise<string> {
  const include = { conditions: { orderBy: { id: 'asc' } }, profile: true, doctor: true } as const
  return written(await client.patient.findMany({ orderBy: { id: 'asc' }, include }))
}

describe.each([
  ['first', first],
  ['last', last],
])('writes of a client with replicas, encrypted %s', (_, { db, primary, reference, staleSql, replicaLog }) => {
  test.each(writes)('%s reads the rows of the primary, and asks the replica for nothing', async (title, write) => {
    const before = await contentsOf(staleSql)
    let outcome = ''
    const statements = await replicaLog.during(async () => {
      outcome = await outcomeOf(() => write(db))
    })
    expect(outcome).toBe(await outcomeOf(() => write(reference)))
    expect(outcome).toMatch(title === 'update of nobody' ? /^threw .*P2025/ : /^returned/)
    expect(statements).toEqual([])
    expect(await opened(primary)).toBe(await opened(reference))
    expect(await contentsOf(staleSql)).toEqual(before)
  })
})

describe('groupBy by an encrypted field', () => {
  test('is of the replica, or of the primary where the two do not agree, but never of both', async () => {
    await primary.contact.update({ where: { id: 1 }, data: { email: 'new@example.org' } })
    const group = (client: EncryptedClient) =>
      outcomeOf(() =>
        client.contact.groupBy({ by: ['email'], _count: true, orderBy: { _count: { id: 'asc' } }, where: { id: 1 } }),
      )
    expect(await group(onReplica)).toContain('gil@example.org')
    expect(await group(db)).toContain('new@example.org')
    expect(await group(db)).toBe(await group(primary))
    await onReplica.contact.update({ where: { id: 1 }, data: { email: 'new@example.org' } })
    const statements = await first.replicaLog.during(async () => {
      expect(await group(db)).toBe(await group(primary))
    })
    expect(statements).toHaveLength(1)
  })
})

test('encrypted last, $primary() gives a client that would write plaintext, which assertEncrypted tells', () => {
  expect(() => assertEncrypted(last.db)).not.toThrow()
  expect(() => assertEncrypted(last.db.$primary())).toThrow('does not encrypt')
})
