import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { Prisma } from '../../support/client.ts'
import { type BareClient, createEncryptedClient, type EncryptedClient, extend } from '../../support/encrypted-client.ts'

const { bare, keys, indexKey, prisma: quiet, sql } = await createEncryptedClient('logger')

interface Entry {
  readonly operation: string
  readonly args: unknown
  readonly result: unknown
}

/** Writes down all that an extension of its kind gets to see. */
function logger(entries: Entry[]) {
  return Prisma.defineExtension({
    name: 'logger',
    query: {
      async $allOperations({ model, operation, args, query }) {
        const result: unknown = await query(args)
        entries.push({ operation: model === undefined ? operation : `${model}.${operation}`, args, result })
        return result
      },
    },
  })
}

const outer: Entry[] = []
const inner: Entry[] = []
const encrypted = extend(bare.$extends(logger(outer)) as unknown as BareClient, { keys, indexKey, raw: 'allow' })
const prisma = encrypted.$extends(logger(inner)) as unknown as EncryptedClient

/** In every encrypted value here. */
const SECRET = /secret/i

let count = 0

async function seeded() {
  count += 1
  const id = `p${count}`
  const email = `secret-${id}@example.org`
  await quiet.patient.create({
    data: {
      id,
      email,
      fullName: 'Secret Name',
      notes: 'secret',
      ward: 'B2',
      conditions: { create: { code: 'secret', description: 'secret' } },
    },
  })
  const { id: doctorId } = await quiet.doctor.create({ data: { name: 'secret' } })
  return { id, email, doctorId }
}

type Seed = Awaited<ReturnType<typeof seeded>>

/** What a logger sees that was applied before encryption, and one that was applied after it. */
const operations: readonly [string, (c: EncryptedClient, seed: Seed) => Promise<unknown>, string, readonly string[]][] = [
  [
    'create',
    (c) => c.patient.create({ data: { email: `secret-${count}@x.org`, fullName: 'secret', ward: 'A' } }),
    'Patient.create',
    ['Patient.create'],
  ],
  [
    'createMany',
    (c) => c.doctor.createMany({ data: [{ name: 'secret' }, { name: 'secret, too' }] }),
    'Doctor.createMany',
    ['Doctor.createMany'],
  ],
  [
    'findUnique by a token',
    (c, { email }) => c.patient.findUnique({ where: { email } }),
    'Patient.findUnique',
    ['Patient.findUnique'],
  ],
  [
    'findMany with relations',
    (c) => c.patient.findMany({ where: { conditions: { some: { code: 'secret' } } }, include: { conditions: true } }),
    'Patient.findMany',
    ['Patient.findMany'],
  ],
  ['count', (c) => c.condition.count({ where: { code: 'secret' } }), 'Condition.count', ['Condition.count']],
  [
    'groupBy',
    (c) => c.condition.groupBy({ by: ['code'], where: { code: 'secret' }, _count: true }),
    'Condition.groupBy',
    ['Condition.groupBy'],
  ],
  [
    'update of all encrypted fields',
    (c, { doctorId }) => c.doctor.update({ where: { id: doctorId }, data: { name: 'secret news' } }),
    'Doctor.update',
    ['Doctor.update'],
  ],
  [
    'update of a part',
    (c, { id }) => c.patient.update({ where: { id }, data: { notes: 'secret news' } }),
    'Patient.update',
    ['Patient.update'],
  ],
  [
    'update by a token',
    (c, { email }) => c.patient.update({ where: { email }, data: { notes: 'secret news' } }),
    'Patient.update',
    ['Patient.update'],
  ],
  [
    'update with nested writes',
    (c, { id }) =>
      c.patient.update({
        where: { id },
        data: {
          notes: 'secret news',
          conditions: { updateMany: { where: { code: 'secret' }, data: { description: 'secret news' } } },
        },
        include: { conditions: true },
      }),
    'Patient.update',
    ['Patient.findUnique'],
  ],
  [
    'update inside a transaction',
    (c, { id }) => c.$transaction((tx) => tx.patient.update({ where: { id }, data: { notes: 'secret news' } })),
    'Patient.update',
    [],
  ],
  [
    'update inside a transaction with a selection',
    (c, { id }) =>
      c.$transaction((tx) => tx.patient.update({ where: { id }, data: { notes: 'secret' }, select: { notes: true } })),
    'Patient.update',
    ['Patient.findUnique'],
  ],
  [
    'upsert by a token',
    (c, { email }) =>
      c.patient.upsert({ where: { email }, create: { email, fullName: 'secret', ward: 'A' }, update: { notes: 'secret' } }),
    'Patient.upsert',
    [],
  ],
  ['updateMany', (c, { id }) => c.patient.updateMany({ where: { id }, data: { fullName: 'secret' } }), 'Patient.updateMany', []],
  [
    'updateManyAndReturn',
    (c, { id }) => c.patient.updateManyAndReturn({ where: { id }, data: { fullName: 'secret' } }),
    'Patient.updateManyAndReturn',
    ['Patient.findMany'],
  ],
  ['delete by a token', (c, { email }) => c.patient.delete({ where: { email } }), 'Patient.delete', ['Patient.delete']],
]

describe('a logger', () => {
  test.each(operations)(
    'before encryption sees %s once and in the clear, after it as ciphertext',
    async (_, run, before, after) => {
      const seed = await seeded()
      outer.length = inner.length = 0
      await run(prisma, seed)
      expect(outer.map(({ operation }) => operation)).toEqual([before])
      expect(text(outer)).toMatch(SECRET)
      expect(inner.map(({ operation }) => operation)).toEqual(after)
      expect(text(inner.map(({ args, result }) => [args, result]))).not.toMatch(SECRET)
    },
  )

  test('before encryption sees what the caller gives and gets', async () => {
    const { id, email } = await seeded()
    outer.length = inner.length = 0
    const result = await prisma.patient.findUnique({ where: { email }, select: { id: true, fullName: true } })
    expect(outer).toEqual([
      {
        operation: 'Patient.findUnique',
        args: { where: { email }, select: { id: true, fullName: true } },
        result: { id, fullName: 'Secret Name' },
      },
    ])
    expect(result).toEqual({ id, fullName: 'Secret Name' })
  })

  test('after encryption sees what the database holds', async () => {
    const { id, email } = await seeded()
    outer.length = inner.length = 0
    await prisma.patient.update({ where: { email }, data: { fullName: 'Secret again' } })
    const [stored] = await sql(`SELECT email, "fullName", envelope FROM "Patient" WHERE id = $1`, [id])
    expect(inner).toHaveLength(1)
    expect(inner[0]?.args).toMatchObject({
      where: { email: stored?.['email'] },
      data: { fullName: '*', envelope: stored?.['envelope'] },
    })
  })

  test('sees raw SQL, which is ciphertext to both', async () => {
    const { id } = await seeded()
    outer.length = inner.length = 0
    await prisma.$queryRaw`SELECT * FROM "Patient" WHERE id = ${id}`
    expect([...outer, ...inner].map(({ operation }) => operation)).toEqual(['$queryRaw', '$queryRaw'])
    expect(text([outer, inner])).not.toMatch(SECRET)
    expect(text([outer, inner])).toContain(id)
  })
})

function text(value: unknown): string {
  return inspect(value, { depth: null, maxArrayLength: null, maxStringLength: null, showHidden: true })
}
