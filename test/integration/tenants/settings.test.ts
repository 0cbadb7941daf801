import { assertEncrypted, type EnvelopeSettings, withEnvelopeSettings } from 'prisma-envelope'
import { beforeEach, describe, expect, expectTypeOf, test } from 'vitest'
import { Prisma } from '../../support/client.ts'
import { createBareClient, createEncryptedClient, type EncryptedClient, extend } from '../../support/encrypted-client.ts'

/** Every operation that a row was sealed or opened for. */
const asked: (readonly [name: string, settings: EnvelopeSettings])[] = []

const { prisma, bare, database, keys, indexKey, sql } = await createEncryptedClient('settings', {
  context: (_, { name, settings }) => {
    asked.push([name, settings])
    return undefined
  },
})

beforeEach(() => void asked.splice(0))

let count = 0
function newcomer() {
  count += 1
  return { id: `p${count}`, email: `p${count}@example.org`, fullName: 'Somebody', ward: 'A1' }
}

/** Distinct settings of what ran since the test began, in order. */
const settings = (): readonly EnvelopeSettings[] =>
  asked.map(([, own]) => own).filter((own, i, all) => i === 0 || JSON.stringify(own) !== JSON.stringify(all[i - 1]))

const acting = { tenant: '42', actor: 'nurse' }

describe('$envelope(settings)', () => {
  test('gives the same client, in its types too, whose operations carry the settings', async () => {
    const own = prisma.$envelope(acting)
    expectTypeOf(own).toEqualTypeOf<EncryptedClient>()
    expect(() => assertEncrypted(own)).not.toThrow()
    await own.patient.create({ data: newcomer() })
    await own.patient.findMany({ take: 1 })
    expect(asked.map(([name]) => name)).toEqual(expect.arrayContaining(['create', 'findMany']))
    expect(settings()).toEqual([acting])
    expect(Object.isFrozen(asked[0]?.[1])).toBe(true)
    asked.splice(0)
    await prisma.patient.findMany({ take: 1 })
    expect(settings()).toEqual([{}])
  })

  test('adds to the settings that a client has already', async () => {
    const own = prisma.$envelope(acting).$envelope({ actor: 'doctor', reason: 'ward round' })
    await own.patient.create({ data: newcomer() })
    expect(settings()).toEqual([{ tenant: '42', actor: 'doctor', reason: 'ward round' }])
  })

  test('survives extensions that are applied afterwards, and those applied before', async () => {
    const hooked: string[] = []
    const named = Prisma.defineExtension({
      name: 'named',
      client: { $name: () => 'named' },
      model: { $allModels: { nothing: () => undefined } },
      query: {
        $allOperations({ args, query, operation }) {
          hooked.push(operation)
          return query(args)
        },
      },
    })
    const before = (
      extend(bare.$extends(named) as unknown as typeof bare, {
        keys,
        indexKey,
        context: (_, { name, settings: own }) => {
          asked.push([name, own])
          return undefined
        },
      }) as unknown as EncryptedClient & { $name: () => string }
    ).$envelope(acting)
    const after = prisma.$envelope(acting).$extends(named).$extends({ name: 'another' })
    expect([before.$name(), after.$name()]).toEqual(['named', 'named'])
    expect(Reflect.get(after.patient, 'nothing')).toBeTypeOf('function')
    await before.patient.create({ data: newcomer() })
    await after.patient.create({ data: newcomer() })
    expect(hooked).toEqual(['create', 'create'])
    expect(settings()).toEqual([acting])
    expect(() => assertEncrypted(after)).not.toThrow()
    await after.$envelope({ reason: 'audit' }).patient.findMany({ take: 1 })
    expect(settings()).toEqual([acting, { ...acting, reason: 'audit' }])
  })

  test('holds in interactive transactions, which go on as they did', async () => {
    const id = newcomer()
    await prisma.$envelope(acting).$transaction(async (tx) => {
      assertEncrypted(tx)
      await tx.patient.create({ data: id })
      await tx.patient.update({ where: { id: id.id }, data: { fullName: 'Within' } })
      await tx.patient.updateMany({ where: { id: id.id }, data: { notes: 'x' } })
      expect(await prisma.patient.findUnique({ where: { id: id.id } })).toBeNull()
      expect(await tx.$queryRaw`SELECT 1 AS one`).toEqual([{ one: 1 }])
    })
    expect(settings()).toEqual([acting])
    expect(await prisma.patient.findUnique({ where: { id: id.id } })).toMatchObject({ fullName: 'Within', notes: 'x' })
  })

  test('holds where an extension was applied to its transaction client', async () => {
    const after = prisma.$envelope(acting).$extends({ name: 'nothing' })
    await after.$transaction((tx) => tx.patient.create({ data: newcomer() }))
    expect(settings()).toEqual([acting])
  })

  test('is refused within an interactive transaction, and where it is no method', async () => {
    await prisma.$transaction(async (tx) => {
      expect(() => tx.$envelope(acting)).toThrow(
        expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining('withEnvelopeSettings') }),
      )
    })
    const { $envelope } = prisma
    expect(() => ($envelope as (given: object) => unknown)(acting)).toThrow(expect.objectContaining({ code: 'CONFIG' }))
  })

  test('belongs to the call, whoever awaits it, also in batches of several clients', async () => {
    const [a, b] = ['a', 'b'].map((tenant) => prisma.$envelope({ tenant })) as [EncryptedClient, EncryptedClient]
    const pending = a.patient.create({ data: newcomer() })
    await withEnvelopeSettings({ tenant: 'c' }, async () => pending)
    expect(settings()).toEqual([{ tenant: 'a' }])
    asked.splice(0)
    await b.$transaction([
      a.patient.create({ data: newcomer() }),
      b.patient.create({ data: newcomer() }),
      prisma.patient.create({ data: newcomer() }),
    ])
    // Each is sealed, and then each is read.
    const each = [{ tenant: 'a' }, { tenant: 'b' }, {}]
    expect(settings()).toEqual([...each, ...each])
  })

  test('stays with each call of a batch that runs one after the other', async () => {
    const [one, two] = [newcomer(), newcomer()]
    await prisma.patient.createMany({ data: [one, two] })
    asked.splice(0)
    const batch = [one, two].map(({ id }, i) =>
      prisma.$envelope({ tenant: String(i) }).patient.update({ where: { id }, data: { notes: 'anew' } }),
    )
    await prisma.$transaction(batch)
    expect(settings()).toEqual([{ tenant: '0' }, { tenant: '1' }])
  })

  test('runs side by side without mixing, the fluent API and reads of one turn included', async () => {
    await prisma.patient.create({
      data: { ...newcomer(), id: 'fluent', conditions: { create: { code: 'J', description: 'd' } } },
    })
    asked.splice(0)
    const tenants = Array.from({ length: 20 }, (_, i) => String(i))
    await Promise.all(
      tenants.map((tenant) =>
        prisma
          .$envelope({ tenant })
          .patient.findUnique({ where: { id: 'fluent' } })
          .conditions(),
      ),
    )
    await Promise.all(tenants.map((tenant) => prisma.$envelope({ tenant }).patient.findUnique({ where: { id: 'fluent' } })))
    for (const tenant of tenants) expect(asked.filter(([, own]) => own['tenant'] === tenant)).toHaveLength(2)
    expect(asked).toHaveLength(40)
  })

  test('reaches $envelope.reveal', async () => {
    await prisma.patient.create({ data: { ...newcomer(), id: 'raw' } })
    asked.splice(0)
    const rows = await sql(`SELECT * FROM "Patient" WHERE id = 'raw'`)
    await prisma.$envelope(acting).$envelope.reveal('Patient', rows)
    await withEnvelopeSettings({ reason: 'raw' }, () => prisma.$envelope.reveal('Patient', rows))
    expect(asked).toEqual([
      ['$envelope.reveal', acting],
      ['$envelope.reveal', { reason: 'raw' }],
    ])
  })

  test('works where the pool has one connection', async () => {
    const single = extend(createBareClient(database, 1), { keys, indexKey }).$envelope(acting)
    const [row] = await single.$transaction([single.patient.create({ data: newcomer() }), single.patient.count()])
    expect(await single.patient.update({ where: { id: row.id }, data: { notes: 'n' } })).toMatchObject({ notes: 'n' })
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'tenant'],
    ['a list', ['tenant']],
    ['a number', { tenant: 42 }],
    ['undefined', { tenant: undefined }],
    ['a client', prisma],
  ])('refuses %s', (_, given) => {
    const refusal = expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining('object of strings') })
    expect(() => prisma.$envelope(given as EnvelopeSettings)).toThrow(refusal)
  })

  test('takes a name that objects inherit for one like others', async () => {
    const own = prisma.$envelope(JSON.parse('{"__proto__":"x","constructor":"y"}') as EnvelopeSettings)
    await own.patient.create({ data: newcomer() })
    expect(Object.entries(asked[0]?.[1] ?? {})).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ])
  })
})

describe('withEnvelopeSettings', () => {
  test('gives its settings to all that is started within, also to a call that it returns', async () => {
    const row = await withEnvelopeSettings(acting, () => prisma.patient.create({ data: newcomer() }))
    expect(row.fullName).toBe('Somebody')
    await withEnvelopeSettings(acting, async () => {
      await Promise.all([prisma.patient.findFirst(), prisma.$transaction([prisma.patient.findFirst()])])
      await prisma.$transaction((tx) => tx.patient.create({ data: newcomer() }))
    })
    expect(settings()).toEqual([acting])
    asked.splice(0)
    await prisma.patient.findFirst()
    expect(settings()).toEqual([{}])
  })

  test('nests, and yields to the client', async () => {
    await withEnvelopeSettings(acting, () =>
      withEnvelopeSettings({ actor: 'doctor' }, () => prisma.$envelope({ tenant: '43' }).patient.create({ data: newcomer() })),
    )
    expect(settings()).toEqual([{ tenant: '43', actor: 'doctor' }])
  })

  test('passes on what fails, and what is no promise', async () => {
    expect(await withEnvelopeSettings({}, () => 5)).toBe(5)
    await expect(
      withEnvelopeSettings({}, () => {
        throw new RangeError('within')
      }),
    ).rejects.toThrow(RangeError)
    await expect(withEnvelopeSettings({ tenant: 5 } as never, () => 5)).rejects.toMatchObject({ code: 'CONFIG' })
  })
})
