import type { ContextOf, EnvelopeOptions } from 'prisma-envelope'
import { beforeEach, describe, expect, test } from 'vitest'
import { createEncryptedClient, type EncryptedClient } from '../../support/encrypted-client.ts'
import { expectRefusal, failureOf } from '../../support/refused.ts'
import { tenantOf } from './tenant-of.ts'

const { prisma, client, sql, kms } = await createEncryptedClient('contexts', { context: tenantOf })

const as = (tenant: string, db: EncryptedClient = prisma): EncryptedClient => db.$envelope({ tenant })
const [north, south] = [as('north'), as('south')]
/** Holds no key yet. */
const fresh = (tenant: string, options: Partial<EnvelopeOptions> = {}): EncryptedClient => as(tenant, client(options))

let count = 0
function newcomer() {
  count += 1
  return { id: `p${count}`, email: `p${count}@example.org`, ssn: `ssn ${count}`, fullName: 'A secret name', ward: 'A1' }
}
const whole = { fullName: 'Whole', birthDate: null, history: 1, notes: 'all', ssn: 'anew' }
const flu = { code: 'J11', description: 'A secret flu' }

interface Stored extends Record<string, unknown> {
  readonly kid: string
  readonly ctx: Record<string, string> | null
}

async function stored(table: string, where = 'true'): Promise<readonly Stored[]> {
  const column = { conditions: 'condition_envelope' }[table] ?? 'envelope'
  return sql<Stored>(`SELECT ${column} ->> 'kid' AS kid, ${column} -> 'ctx' AS ctx FROM "${table}" WHERE ${where}`)
}

async function contextsIn(...tables: string[]): Promise<readonly (string | undefined)[]> {
  const rows = await Promise.all(tables.map((table) => stored(table)))
  return [...new Set(rows.flat().map(({ ctx }) => ctx?.['tenant']))]
}

async function empty(): Promise<void> {
  await sql(
    'TRUNCATE "Patient", "Doctor", conditions, "Profile", "Tag", "Tenant", "Member", "_PatientToTag" RESTART IDENTITY CASCADE',
  )
}

beforeEach(empty)

const ways: Record<string, (db: EncryptedClient) => Promise<unknown>> = {
  create: (db) => db.patient.create({ data: newcomer() }),
  createMany: (db) => db.patient.createMany({ data: [newcomer(), newcomer()] }),
  createManyAndReturn: (db) => db.patient.createManyAndReturn({ data: [newcomer(), newcomer()], select: { fullName: true } }),
  'nested create and createMany': (db) =>
    db.patient.create({
      data: {
        ...newcomer(),
        doctor: { create: { name: 'House' } },
        profile: { create: { phone: '1' } },
        conditions: { createMany: { data: [flu, flu] } },
      },
      include: { conditions: true, doctor: true, profile: true },
    }),
  'update of some fields': async (db) => {
    const { id } = await db.patient.create({ data: newcomer() })
    return db.patient.update({ where: { id }, data: { notes: 'anew' } })
  },
  'update of all fields': async (db) => {
    const { id, email } = await db.patient.create({ data: newcomer() })
    return db.patient.update({ where: { id }, data: { ...whole, email } })
  },
  'update with nested writes': async (db) => {
    const { id } = await db.patient.create({ data: { ...newcomer(), conditions: { create: flu } } })
    return db.patient.update({
      where: { id },
      data: {
        notes: 'anew',
        conditions: { updateMany: { where: {}, data: { description: 'anew' } }, create: flu },
        profile: { upsert: { create: { phone: '1' }, update: { phone: '2' } } },
        doctor: { connectOrCreate: { where: { id: DOCTOR }, create: { id: DOCTOR, name: 'Watson' } } },
      },
    })
  },
  updateMany: async (db) => {
    await db.patient.createMany({ data: [newcomer(), newcomer()] })
    return db.patient.updateMany({ data: { notes: 'anew' } })
  },
  'updateMany of all fields': async (db) => {
    await db.doctor.createMany({ data: [{ name: 'House' }, { name: 'Watson' }] })
    return db.doctor.updateManyAndReturn({ data: { name: 'Somebody' } })
  },
  upsert: async (db) => {
    const data = newcomer()
    const { id } = data
    const { email } = data
    await db.patient.upsert({ where: { id }, create: data, update: { notes: 'x' } })
    await db.patient.upsert({ where: { email }, create: data, update: { notes: 'x' } })
    return db.patient.upsert({ where: { id }, create: data, update: { ward: 'B2', conditions: { create: flu } } })
  },
  'a batch': async (db) => {
    const data = newcomer()
    return db.$transaction([
      db.patient.create({ data }),
      db.patient.update({ where: { id: data.id }, data: { notes: 'x' } }),
      db.doctor.create({ data: { name: 'House' } }),
    ])
  },
  'an interactive transaction': (db) =>
    db.$transaction(async (tx) => {
      const { id, email } = await tx.patient.create({ data: newcomer() })
      await tx.patient.update({ where: { id }, data: { ...whole, email } })
      await tx.patient.updateMany({ data: { ssn: null } })
      await tx.condition.create({ data: { ...flu, patientId: id } })
      return tx.patient.findMany({ include: { conditions: true } })
    }),
  'rows that follow a key which others change': async (db) => {
    const { id } = await db.patient.create({ data: { ...newcomer(), conditions: { create: flu } } })
    return db.patient.update({ where: { id }, data: { id: `${id} moved` }, include: { conditions: true } })
  },
}

const DOCTOR = '0b3e4e8a-5d5f-4a4e-8d0f-1f6f5a1c2d3e'

describe.each(Object.entries(ways))('by %s', (_, write) => {
  test('rows are sealed under the context of the client, and opened again', async () => {
    kms.resetLog()
    await write(fresh('north'))
    expect(await contextsIn('Patient', 'conditions', 'Profile', 'Doctor')).toEqual(['north'])
    const told = kms.contexts.filter(({ context }) => !('prisma-envelope:purpose' in context))
    expect(told.length).toBeGreaterThan(0)
    expect(told.every(({ context }) => context['tenant'] === 'north')).toBe(true)
    const reader = fresh('north')
    await reader.patient.findMany({ include: { conditions: true, doctor: true, profile: true } })
    await reader.doctor.findMany()
  })
})

describe('a row of another tenant', () => {
  const patient = { id: 'hers', email: 'hers@example.org', ssn: '1', fullName: 'A secret name', ward: 'A1' }

  beforeEach(async () => {
    await south.patient.create({ data: { ...patient, conditions: { create: flu } } })
  })

  const reads: Record<string, (db: EncryptedClient) => Promise<unknown>> = {
    findUnique: (db) => db.patient.findUnique({ where: { id: 'hers' } }),
    'findUnique by a token': (db) => db.patient.findUnique({ where: { email: 'hers@example.org' } }),
    findMany: (db) => db.patient.findMany(),
    'findMany of one column': (db) => db.patient.findMany({ select: { notes: true } }),
    groupBy: (db) => db.patient.groupBy({ by: ['ssn'] }),
    'in an interactive transaction': (db) => db.$transaction((tx) => tx.patient.findMany()),
    'in a batch': (db) => db.$transaction([db.patient.findMany()]),
    '$envelope.reveal': async (db) => db.$envelope.reveal('Patient', await sql('SELECT * FROM "Patient"')),
  }

  test.each(Object.entries(reads))('is not read by %s, and no key is asked for', async (name, read) => {
    const db = fresh('north')
    await db.patient.findUnique({ where: { email: 'nobody@example.org' } })
    kms.resetLog()
    await expectRefusal(sql, () => read(db), { code: 'CONTEXT_MISMATCH', model: 'Patient', primaryKey: { id: 'hers' } }, 'secret')
    expect(kms.calls, name).toEqual({})
  })

  test('is not shown below a row of one’s own either', async () => {
    const { id } = await north.patient.create({ data: newcomer() })
    await south.condition.create({ data: { ...flu, patientId: id } }).catch(() => {})
    await expectRefusal(sql, () => fresh('north').patient.findMany({ where: { id }, include: { conditions: true } }), {
      code: 'CONTEXT_MISMATCH',
      model: 'Condition',
      primaryKey: { id: 2 },
    })
    expect(await north.patient.findMany({ where: { id } })).toHaveLength(1)
  })

  const { email } = patient
  const writes: Record<string, (db: EncryptedClient) => Promise<unknown>> = {
    'update of some fields': (db) => db.patient.update({ where: { id: 'hers' }, data: { notes: 'x' } }),
    'update of all fields': (db) => db.patient.update({ where: { id: 'hers' }, data: { ...whole, email } }),
    updateMany: (db) => db.patient.updateMany({ data: { notes: 'x' } }),
    'updateMany of all fields': (db) => db.condition.updateMany({ data: { code: 'x', description: 'x' } }),
    upsert: (db) => db.patient.upsert({ where: { id: 'hers' }, create: newcomer(), update: { notes: 'x' } }),
    'upsert by a token': (db) => db.patient.upsert({ where: { email }, create: newcomer(), update: { notes: 'x' } }),
    'a nested update': (db) =>
      db.patient.update({
        where: { id: 'hers' },
        data: { ward: 'B2', conditions: { update: { where: { id: 1 }, data: { code: 'x' } } } },
      }),
    'a key that it is bound to': (db) => db.patient.update({ where: { id: 'hers' }, data: { id: 'mine' } }),
    'a batch': (db) => db.$transaction([db.patient.update({ where: { id: 'hers' }, data: { ...whole, email } })]),
    'an interactive transaction': (db) =>
      db.$transaction((tx) => tx.patient.update({ where: { id: 'hers' }, data: { ...whole, email } })),
  }

  test.each(Object.entries(writes))('is not written by %s', async (_, write) => {
    await expectRefusal(sql, () => write(fresh('north')), { code: 'CONTEXT_MISMATCH' }, 'secret')
  })

  const plainly: Record<string, (db: EncryptedClient) => Promise<unknown>> = {
    delete: (db) => db.patient.delete({ where: { id: 'hers' } }),
    'delete by a token': (db) => db.patient.delete({ where: { email }, select: { fullName: true } }),
    'update of other columns': (db) => db.patient.update({ where: { id: 'hers' }, data: { ward: 'B2' } }),
    'updateManyAndReturn of other columns': (db) => db.patient.updateManyAndReturn({ data: { ward: 'B2' } }),
    'upsert of other columns': (db) => db.patient.upsert({ where: { id: 'hers' }, create: newcomer(), update: { ward: 'B2' } }),
    'an update above it': async (db) =>
      db.doctor.update({
        where: { id: (await db.doctor.create({ data: { name: 'House' } })).id },
        data: { patients: { connect: { id: 'hers' } } },
        include: { patients: true },
      }),
    'a row below it': (db) => db.condition.create({ data: { ...flu, patientId: 'hers' }, include: { patient: true } }),
  }

  describe.each(Object.entries(plainly))('stays as it is where %s would give it back', (_, write) => {
    test('outside of transactions', async () => {
      const db = fresh('north')
      await expect(write(db)).rejects.toMatchObject({ code: 'CONTEXT_MISMATCH' })
      expect(await sql('SELECT ward FROM "Patient"')).toEqual([{ ward: 'A1' }])
      expect(await sql('SELECT FROM conditions')).toHaveLength(1)
    })

    test('in a transaction whose owner catches the error', async () => {
      const db = fresh('north')
      const own = newcomer()
      let refusal: unknown
      const committed = db.$transaction(async (tx) => {
        await tx.patient.create({ data: own })
        refusal = await write(tx as EncryptedClient).catch((error: unknown) => error)
        await tx.patient.count()
      })
      await expect(committed).rejects.toThrow()
      expect(refusal).toMatchObject({ code: 'CONTEXT_MISMATCH' })
      expect(await sql('SELECT ward FROM "Patient"')).toEqual([{ ward: 'A1' }])
    })
  })

  test('one that does not open is deleted where nothing of it is given back, and stays where it would be', async () => {
    const { id } = await north.patient.create({ data: newcomer() })
    await sql(`UPDATE "Patient" SET envelope = jsonb_set(envelope, '{ct}', '"AAAA"') WHERE id = $1`, [id])
    await expectRefusal(sql, () => fresh('north').patient.delete({ where: { id } }), { code: 'CANNOT_OPEN' })
    expect(await north.patient.delete({ where: { id }, select: { id: true } })).toEqual({ id })
  })

  test('one’s own row stays where the KMS is away, which would have to open it', async () => {
    const { id } = await north.patient.create({ data: newcomer() })
    const db = fresh('north', { deadline: 500, kms: { attemptTimeout: 400, breaker: { failures: 2, openFor: 1 } } })
    const mend = kms.faults.inject({ status5xx: true })
    await expectRefusal(sql, () => db.patient.delete({ where: { id } }), { code: 'UNAVAILABLE' })
    mend()
    expect(await db.patient.delete({ where: { id } })).toMatchObject({ id, fullName: 'A secret name' })
  })

  test('many upserts of one new row at once insert it and update it', async () => {
    const { email: own, ...data } = newcomer()
    const upserts = Array.from({ length: 12 }, (_, i) =>
      fresh('north').patient.upsert({
        where: { id: data.id },
        create: { ...data, email: own },
        update: { ward: `W${i}` },
      }),
    )
    const wards = (await Promise.all(upserts)).map(({ ward }) => ward)
    expect(wards.filter((ward) => ward === data.ward)).toHaveLength(1)
    expect(new Set(wards).size).toBe(12)
  })

  test('stays as it is where a batch would give it back', async () => {
    const db = fresh('north')
    const batch = () => db.$transaction([db.patient.create({ data: newcomer() }), db.patient.delete({ where: { id: 'hers' } })])
    await expectRefusal(sql, batch, { code: 'CONTEXT_MISMATCH' })
    await db.patient.create({ data: { ...newcomer(), id: 'own' } })
    const [, gone] = await db.$transaction([db.patient.create({ data: newcomer() }), db.patient.delete({ where: { id: 'own' } })])
    expect(gone).toMatchObject({ id: 'own', fullName: 'A secret name' })
  })

  test('does not open once its context was swapped in the database', async () => {
    await sql(`UPDATE "Patient" SET envelope = jsonb_set(envelope, '{ctx,tenant}', '"north"')`)
    await expectRefusal(sql, () => fresh('north').patient.findMany(), { code: 'CANNOT_OPEN', model: 'Patient' }, 'secret')
  })

  test.each(['5', '"north"', '[]', '{}', '{"tenant": 5}', '{"tenant": "north", "aws:x": "y"}', 'null'])(
    'does not open with the context %s',
    async (ctx) => {
      await sql(`UPDATE "Patient" SET envelope = jsonb_set(envelope, '{ctx}', $1::text::jsonb)`, [ctx])
      const error = await failureOf(sql, () => fresh('north').patient.findMany())
      expect(['CANNOT_OPEN', 'CONTEXT_MISMATCH']).toContain(error['code'])
      await expectRefusal(sql, () => fresh('*').patient.findMany(), { code: 'CANNOT_OPEN' })
    },
  )
})

describe('what `context` returns', () => {
  test('undefined is no context, for which rows with one do not pass, nor the other way round', async () => {
    const nobody = client()
    await nobody.patient.create({ data: newcomer() })
    expect(await stored('Patient')).toMatchObject([{ ctx: null }])
    await expectRefusal(sql, () => north.patient.findMany(), { code: 'CONTEXT_MISMATCH' })
    await empty()
    await north.patient.create({ data: newcomer() })
    await expectRefusal(sql, () => nobody.patient.findMany(), { code: 'CONTEXT_MISMATCH' })
  })

  test('of a list, rows may be under any, and come under the first when they are written', async () => {
    const moving = fresh('north', {
      context: (_, { settings }) => [{ tenant: settings['tenant'] ?? '' }, undefined, { tenant: 'old' }],
    })
    await as('old').patient.create({ data: { ...newcomer(), id: 'old' } })
    await client().patient.create({ data: { ...newcomer(), id: 'none' } })
    await north.patient.create({ data: { ...newcomer(), id: 'own' } })
    expect(await moving.patient.count()).toBe(3)
    expect(await moving.patient.findMany()).toHaveLength(3)
    await moving.patient.update({ where: { id: 'old' }, data: { notes: 'x' } })
    await moving.patient.updateMany({ where: { id: 'none' }, data: { notes: 'x' } })
    expect(await contextsIn('Patient')).toEqual(['north'])
    expect(await north.patient.findMany()).toHaveLength(3)
    await south.patient.create({ data: newcomer() })
    await expectRefusal(sql, () => moving.patient.findMany(), { code: 'CONTEXT_MISMATCH' })
  })

  test('anyContext opens all rows, and leaves each under its context', async () => {
    const all = fresh('*')
    for (const db of [north, south, client()]) await db.patient.create({ data: { ...newcomer(), conditions: { create: flu } } })
    const before = await stored('Patient')
    expect(await all.patient.findMany({ include: { conditions: true } })).toHaveLength(3)
    await all.patient.updateMany({ data: { notes: 'x' } })
    await all.condition.updateMany({ data: { code: 'x', description: 'x' } })
    for (const { id, email } of await all.patient.findMany()) {
      await all.patient.update({ where: { id }, data: { ...whole, email } })
      await all.$transaction((tx) => tx.patient.update({ where: { id }, data: { notes: 'y' } }))
    }
    expect(await stored('Patient', 'true ORDER BY id')).toEqual(before)
    expect((await stored('conditions')).map(({ ctx }) => ctx?.['tenant'])).toEqual(['north', 'south', undefined])
    await expectRefusal(sql, () => all.patient.create({ data: newcomer() }), {
      code: 'CONFIG',
      model: 'Patient',
      operation: 'create',
    })
  })

  test('may come from what rows are bound to, which moves them when that changes', async () => {
    const byColumn: ContextOf = ({ model, bound }) =>
      model === 'Member' && typeof bound['tenantId'] === 'string' ? { tenant: bound['tenantId'] } : undefined
    const db = client({ context: byColumn })
    await db.tenant.createMany({ data: [{ name: 'one' }, { name: 'two' }] })
    const three = await db.tenant.create({ data: { name: 'three', members: { create: { email: 'eve@example.org' } } } })
    await db.member.createMany({ data: [1, 2].map((tenantId) => ({ tenantId, email: 'fay@example.org', nickname: 'f' })) })
    expect((await stored('Member')).map(({ ctx }) => ctx?.['tenant'])).toEqual([String(three.id), '1', '2'])
    await db.member.updateMany({ where: { tenantId: three.id }, data: { tenantId: 1 } })
    await db.tenant.update({ where: { id: 2 }, data: { id: 700 } })
    const moved = (await stored('Member')).map(({ ctx }) => Number(ctx?.['tenant']))
    expect(moved.sort((a, b) => a - b)).toEqual([1, 1, 700])
    expect(await client({ context: byColumn }).member.findMany()).toHaveLength(3)
  })

  test('of each of 150 tenants is kept where one statement writes them all, by one call of the KMS a key', async () => {
    const tenants = Array.from({ length: 150 }, (_, i) => `tenant ${i}`)
    await client({ context: ({ primaryKey }) => ({ tenant: String(primaryKey?.['id']) }) }).patient.createMany({
      data: tenants.map((id) => ({ ...newcomer(), id })),
    })
    const all = fresh('*', { deadline: 60_000, kms: { attemptTimeout: 60_000 } })
    kms.resetLog()
    await all.patient.updateMany({ data: { notes: 'x' } })
    expect(kms.calls).toEqual({ Decrypt: 150, GenerateDataKey: 150 })
    expect((await stored('Patient', 'true ORDER BY id')).map(({ ctx }) => ctx?.['tenant'])).toEqual([...tenants].sort())
  })
})
