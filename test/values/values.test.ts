import { readFile } from 'node:fs/promises'
import { PrismaPg } from '@prisma/adapter-pg'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EnvelopeError } from '../../packages/core/src/errors.ts'
import { bindValue, compileCodec } from '../../packages/core/src/values/index.ts'
import { createDatabase } from '../support/database.ts'
import { execute } from '../support/migrations.ts'
import { valueOf } from './arbitraries.ts'
import { type Column, lists, scalars } from './columns.ts'
import { deviations, explains } from './deviations.ts'
import { Prisma, PrismaClient } from './generated/client.ts'
import { codecOutcome, INVALID, type Outcome, plainOutcome, describe as written } from './outcome.ts'
import { listShapes, type Probes, probes } from './probes.ts'

let client: PrismaClient

beforeAll(async () => {
  const { url } = await createDatabase('values', 'plain')
  await execute(url, await readFile(new URL('schema.sql', import.meta.url), 'utf8'))
  client = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: 1 }) })
})

afterAll(async () => {
  await client.$disconnect()
})

const title = ({ name, type, native, plan }: Column) =>
  `${type}${plan.list === true ? '[]' : ''}${native === undefined ? '' : ` @db.${native}(${plan.native?.args.join(', ')})`} (${name})`

const probesOf = ({ native, type }: Column): Probes => probes[native === 'Uuid' ? 'Uuid' : type]

const outcomes = new Map<string, Outcome>()

/** What the plain column makes of a probe, asked once. */
async function outcomeOf(column: Column, probe: string, value: unknown): Promise<Outcome> {
  const key = `${column.name} ${probe}`
  const outcome = outcomes.get(key) ?? (await plainOutcome(client, column, value))
  outcomes.set(key, outcome)
  return outcome
}

/** What differs from the plain column, and is not a deviation on purpose. */
async function differences(column: Column, values: Probes, used = new Set<string>()): Promise<string[]> {
  const found: string[] = []
  for (const [probe, value] of Object.entries(values)) {
    const plain = await outcomeOf(column, probe, value)
    const codec = codecOutcome(compileCodec, column, value)
    if (plain === codec) continue
    const deviation = deviations.find((candidate) => explains(candidate, column, probe, { plain, codec }))
    if (deviation === undefined) found.push(`${probe}: the column ${plain}; the codec ${codec}`)
    else used.add(deviation.why)
  }
  return found
}

describe('an encrypted value meets the fate that it would have in the plain column', () => {
  const used = new Set<string>()

  it.each(scalars.map((column) => [title(column), column] as const))('%s', async (_, column) => {
    expect(await differences(column, probesOf(column), used)).toEqual([])
  })

  it.each(lists.map((column) => [title(column), column] as const))('%s', async (_, column) => {
    const values = Object.fromEntries(Object.entries(probesOf(column)).map(([probe, value]) => [probe, [value]]))
    expect(await differences(column, values, used)).toEqual([])
  })

  it('takes the same things for a list', async () => {
    const column = lists.find(({ name }) => name === 'intList') as Column
    const values = Object.fromEntries(Object.entries(listShapes).map(([shape, value]) => [`shape ${shape}`, value]))
    expect(await differences(column, values, used)).toEqual([])
  })

  it('has no deviation that the probes do not show', () => {
    expect(deviations.map(({ why }) => why).filter((why) => !used.has(why))).toEqual([])
  })
})

it('gives back any row as the plain columns do', async () => {
  const row = fc.record({
    ...Object.fromEntries(scalars.map((column) => [column.name, valueOf(column, false)])),
    // Prisma's adapter writes lists of citext but can't read them.
    ...Object.fromEntries(
      lists
        .filter(({ native }) => native !== 'Citext')
        .map((column) => [column.name, fc.array(valueOf(column, true), { maxLength: 3 })]),
    ),
  })
  const columns = [...scalars, ...lists]
  await fc.assert(
    fc.asyncProperty(row, async (data) => {
      const { id } = await client.values.create({ data: data, select: { id: true } })
      const read: Record<string, unknown> = await client.values.findUniqueOrThrow({ where: { id } })
      for (const column of columns.filter(({ name }) => name in data)) {
        const outcome = codecOutcome(compileCodec, column, data[column.name])
        expect(`${column.name} ${outcome}`).toBe(`${column.name} read: ${written(read[column.name])}`)
      }
    }),
    { numRuns: 150 },
  )
})

describe('a bound value', () => {
  const bindable = scalars.filter(({ type }) => ['String', 'Int', 'BigInt', 'Boolean', 'DateTime', 'Enum'].includes(type))

  it('is the same from an input and from what the column gives back', async () => {
    const row = fc.record(
      Object.fromEntries(bindable.map((column) => [column.name, fc.option(valueOf(column, false), { freq: 9 })])),
    )
    await fc.assert(
      fc.asyncProperty(row, async (data) => {
        const { id } = await client.values.create({ data: data, select: { id: true } })
        const read: Record<string, unknown> = await client.values.findUniqueOrThrow({ where: { id } })
        for (const { name, plan } of bindable) expect(bindValue(plan, data[name])).toEqual(bindValue(plan, read[name]))
      }),
      { numRuns: 100 },
    )
  })

  it('is refused exactly where the column refuses it', async () => {
    const found: string[] = []
    for (const column of bindable) {
      for (const [probe, value] of Object.entries(probesOf(column))) {
        const outcome = await outcomeOf(column, probe, value)
        const refused = refusesToBind(column, value)
        const isKnown = deviations.some((one) =>
          explains(one, column, probe, { plain: outcome, codec: codecOutcome(compileCodec, column, value) }),
        )
        if (refused === outcome.startsWith('read: ') && !isKnown) found.push(`${column.name} ${probe}: ${outcome}`)
      }
    }
    expect(found).toEqual([])
  })
})

/** Any other error than a typed one fails the test. */
function refusesToBind({ plan }: Column, value: unknown): boolean {
  try {
    bindValue(plan, value)
    return false
  } catch (error) {
    if (error instanceof EnvelopeError && error.code === 'INVALID_VALUE') return true
    throw error
  }
}

describe('a placeholder', () => {
  const placeholders = {
    String: '*',
    Int: 0,
    BigInt: '0',
    Float: 0,
    Decimal: '0',
    Boolean: false,
    DateTime: '1970-01-01T00:00:00.000Z',
    Json: [{}],
    Bytes: '',
    Enum: 'very glad',
  }
  const nil = '00000000-0000-0000-0000-000000000000'

  const codecOf = ({ name, type, native, plan }: Column) =>
    compileCodec(
      'Values',
      name,
      { ...plan, encrypted: { identity: name, placeholder: native === 'Uuid' ? nil : placeholders[type] } },
      Prisma,
    )

  it.each([...scalars, ...lists].filter(({ name }) => name !== 'citextList').map((column) => [title(column), column] as const))(
    'is known again as the column gives it back: %s',
    async (_, column) => {
      const codec = codecOf(column)
      const { id } = await client.values.create({ data: { [column.name]: codec.placeholder }, select: { id: true } })
      const read: Record<string, unknown> = await client.values.findUniqueOrThrow({ where: { id } })
      expect(codec.isPlaceholder(read[column.name])).toBe(true)

      const others: Record<string, unknown>[] = await client.values.findMany({
        where: { id: { lt: id } },
        take: 20,
        orderBy: { id: 'desc' },
      })
      const unequal = others.map((row) => row[column.name]).filter((value) => written(value) !== written(read[column.name]))
      expect(unequal.some((value) => codec.isPlaceholder(value))).toBe(false)
    },
  )

  it('of JSON null is JSON null, not NULL', async () => {
    const codec = compileCodec(
      'Values',
      'json',
      { column: 'json', type: 'Json', encrypted: { identity: 'json', placeholder: [null] } },
      Prisma,
    )
    expect(codec.placeholder).toBe(Prisma.JsonNull)
    expect(codec.isPlaceholder(null)).toBe(true)
  })
})

it('compares outcomes that are not all refusals', async () => {
  const column = scalars.find(({ name }) => name === 'string') as Column
  const compared: Outcome[] = []
  for (const value of ['Ada', 5, '\0']) compared.push(await plainOutcome(client, column, value))
  expect(compared).toEqual(["read: 'Ada'", INVALID, expect.stringContaining('refused: P2039')])
})
