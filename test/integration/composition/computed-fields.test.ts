import { describe, expect, test } from 'vitest'
import { Prisma, plain } from '../../support/client.ts'
import { type BareClient, extend } from '../../support/encrypted-client.ts'
import { seedHospital } from '../../support/hospital.ts'
import { createTwins } from '../../support/twins.ts'
import { outcomeOf } from '../../support/written.ts'

const { bare, prisma, keys, indexKey, twin, twinNulls } = await createTwins('computed')
await seedHospital(prisma)
await seedHospital(twin, twinNulls)

const computed = ({ defineExtension }: Pick<typeof Prisma, 'defineExtension'>) =>
  defineExtension({
    name: 'computed',
    result: {
      patient: {
        initials: { needs: { fullName: true }, compute: ({ fullName }) => fullName.replaceAll(/(\w)\w* ?/g, '$1') },
        badge: { needs: { email: true, ward: true }, compute: ({ email, ward }) => `${email} (${ward})` },
      },
      condition: { title: { needs: { code: true, description: true }, compute: (row) => `${row.code} ${row.description}` } },
    },
  })

const build = () => prisma.$extends(computed(Prisma))
type Computing = ReturnType<typeof build>

const clients: readonly [string, Computing][] = [
  ['before', extend(bare.$extends(computed(Prisma)) as unknown as BareClient, { keys, indexKey }) as unknown as Computing],
  ['after', build()],
]
const reference = twin.$extends(computed(plain.Prisma as unknown as typeof Prisma)) as unknown as Computing

const initials = { select: { initials: true } } as const
const DAY = new Date('2026-01-01T00:00:00.000Z')

type Call = (c: Computing, round: string) => Promise<unknown>

const calls: readonly [string, Call][] = [
  ['findMany', (c) => c.patient.findMany({ orderBy: { id: 'asc' } })],
  ['findUnique of a computed field alone', (c) => c.patient.findUnique({ where: { email: 'ada@example.org' }, ...initials })],
  [
    'findMany of a relation’s computed fields alone',
    (c) =>
      c.doctor.findMany({ orderBy: { id: 'asc' }, select: { patients: { orderBy: { id: 'asc' }, select: { badge: true } } } }),
  ],
  [
    'the fluent API',
    (c) => c.patient.findUnique({ where: { id: 'ada' } }).conditions({ orderBy: { id: 'asc' }, select: { title: true } }),
  ],
  [
    'create',
    (c, round) =>
      c.patient.create({
        data: {
          id: round,
          email: `${round}@example.org`,
          fullName: `Eva ${round}`,
          ward: 'E5',
          createdAt: DAY,
          conditions: { create: { code: 'E', description: round, startedAt: DAY } },
        },
        include: { conditions: { select: { title: true } } },
      }),
  ],
  [
    'createManyAndReturn',
    (c, round) =>
      c.patient.createManyAndReturn({
        data: [{ id: `${round}-2`, email: `${round}-2@example.org`, fullName: `Fay ${round}`, ward: 'F', createdAt: DAY }],
        ...initials,
      }),
  ],
  ['update of a part', (c, round) => c.patient.update({ where: { id: 'ada' }, data: { fullName: `Ada ${round}` } })],
  [
    'update of a computed field alone',
    (c, round) => c.patient.update({ where: { id: 'ada' }, data: { fullName: `Ida ${round}` }, ...initials }),
  ],
  [
    'update by a token',
    (c, round) => c.patient.update({ where: { email: 'bob@example.org' }, data: { fullName: `Bob ${round}` } }),
  ],
  [
    'update with nested writes',
    (c, round) =>
      c.patient.update({
        where: { id: 'cem' },
        data: { fullName: `Cem ${round}`, conditions: { updateMany: { where: { code: 'K21' }, data: { description: round } } } },
        select: { initials: true, conditions: { orderBy: { id: 'asc' }, select: { title: true } } },
      }),
  ],
  [
    'upsert of what is there',
    (c, round) => {
      const email = 'dea@example.org'
      return c.patient.upsert({
        where: { email },
        create: { email, fullName: 'x', ward: 'x' },
        update: { fullName: `Dea ${round}` },
      })
    },
  ],
  [
    'upsert of what is not there',
    (c, round) => {
      const email = `${round}-3@example.org`
      const data = { id: `${round}-3`, email, fullName: `Gil ${round}`, ward: 'G7', createdAt: DAY }
      return c.patient.upsert({ where: { email }, create: data, update: data })
    },
  ],
  [
    'updateManyAndReturn',
    (c, round) => c.condition.updateManyAndReturn({ where: { id: 1 }, data: { description: round }, select: { title: true } }),
  ],
  ['delete', (c, round) => c.patient.delete({ where: { email: `${round}-3@example.org` }, ...initials })],
]

const contexts: Readonly<Record<string, (c: Computing, call: (c: Computing) => Promise<unknown>) => Promise<unknown>>> = {
  'outside transactions': (c, call) => call(c),
  'in an interactive transaction': (c, call) => c.$transaction((tx) => call(tx as unknown as Computing)),
  'in a batch': (c, call) => c.$transaction([call(c) as ReturnType<typeof c.patient.count>]),
}

describe.each(clients)('fields computed by an extension that is applied %s encryption, as on plain Prisma', (order, client) => {
  describe.each(Object.entries(contexts))('%s', (context, within) => {
    const round = `${order} ${context}`.replaceAll(' ', '-')
    test.each(calls)('%s', async (_, call) => {
      const outcome = await outcomeOf(async () => asData(await within(client, (c) => call(c, round))))
      expect(outcome).toMatch(/^returned /)
      expect(outcome).toBe(await outcomeOf(async () => asData(await within(reference, (c) => call(c, round)))))
    })
  })
})

test.each(clients)('a computed field alone comes with no other, the extension being applied %s encryption', async (_, client) => {
  const update = { where: { id: 'bob' }, data: { fullName: 'Zoe Zimmer' }, ...initials }
  expect(asData(await client.patient.update(update))).toEqual({ initials: 'ZZ' })
  expect(asData(await client.$transaction((tx) => tx.patient.update(update)))).toEqual({ initials: 'ZZ' })
  expect(asData(await client.$transaction([client.patient.update(update)]))).toEqual([{ initials: 'ZZ' }])
})

/** Computed fields are getters. */
function asData(result: unknown): unknown {
  return JSON.parse(JSON.stringify(result))
}
