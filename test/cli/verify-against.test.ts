import { expect, test } from 'vitest'
import { type CliResult, runCli } from '../support/cli.ts'
import { SECRET, seedEveryModel } from '../support/every-model.ts'
import { findingsOf } from '../support/findings.ts'
import { createTwins } from '../support/twins.ts'

const { database, sql, kms, arn, prisma, twin, twinSql, twinUrl, twinNulls, indexKey } = await createTwins('cli-against')
const setup = { databaseUrl: database.url, kms, keys: { pii: arn }, indexKeys: [indexKey.current] }
await seedEveryModel(prisma)
await seedEveryModel(twin, twinNulls)
// Keys that each client made up.
for (const table of ['CuidKey', 'Cuid2Key', 'UlidKey', 'NanoidKey', 'Uuid7Key', 'Account']) {
  const ids = await sql<{ id: string }>(`SELECT id FROM "${table}" ORDER BY id`)
  const others = await twinSql<{ id: string }>(`SELECT id FROM "${table}" ORDER BY id`)
  for (const [i, { id }] of ids.entries()) await twinSql(`UPDATE "${table}" SET id = '${id}' WHERE id = '${others[i]?.id}'`)
}
const EQUAL = { differing: 0, onlyHere: 0, onlyThere: 0, unreadable: 0, rounded: 0 }

const against = async (url: string, ...args: string[]) =>
  printedWithoutValues(await runCli(setup, ['verify', '--against', url, '--json', '--batch', '3', ...args]))

function printedWithoutValues(result: CliResult): CliResult {
  expect(result.out + result.err).not.toContain(SECRET)
  return result
}

test('finds each value equal to what plain Prisma wrote, whatever its type', async () => {
  const result = await against(twinUrl, '--workers', '2')
  expect(findingsOf(result)).toEqual([])
  expect(result.code).toBe(0)
  const models = result.result?.['models'] as { model: string; rows: number; against: object }[]
  for (const { model, rows, against: found } of models)
    expect({ model, found }).toEqual({ model, found: { equal: rows, ...EQUAL } })
})

test('counts rows that were inserted and deleted since, and names values that differ', async () => {
  await prisma.compoundKey.delete({ where: { region_number: { region: 'n', number: 1 } } })
  await prisma.compoundKey.create({ data: { region: 'x', number: 9, secret: `${SECRET} new` } })
  await prisma.compoundKey.update({ where: { region_number: { region: 's', number: 2 } }, data: { secret: `${SECRET} changed` } })
  await prisma.allTypes.update({
    where: { id: 2 },
    data: { jsonOpt: { [SECRET]: 1 }, stringList: [], boolean: false, decimalOpt: null, moodOpt: 'SAD' },
  })
  const result = await against(twinUrl, 'CompoundKey', 'AllTypes')
  expect(result.code).toBe(1)
  expect(findingsOf(result)).toEqual([
    ...['boolean', 'decimalOpt', 'jsonOpt', 'moodOpt', 'stringList'].map((field) => `AllTypes.${field} {"id":"2"} DIFFERS`),
    'CompoundKey.secret {"region":"s","number":"2"} DIFFERS',
  ])
  expect(result.result).toMatchObject({
    models: [
      { model: 'CompoundKey', findings: { DIFFERS: 1 }, against: { equal: 2, differing: 1, onlyHere: 1, onlyThere: 1 } },
      { model: 'AllTypes', findings: { DIFFERS: 5 }, against: { equal: 1, differing: 1, onlyHere: 0, onlyThere: 0 } },
    ],
  })
  const { out } = await runCli(setup, ['verify', 'CompoundKey', '--against', twinUrl])
  expect(out).toBe(
    'CompoundKey: 4 rows verified: 1 DIFFERS\n  against the copy: 2 equal, 1 differ, 1 here alone, 1 there alone\n',
  )
  const one = await against(twinUrl, 'AllTypes.mood')
  expect(one).toMatchObject({ code: 0, result: { models: [{ against: { equal: 2, differing: 0 } }] } })
})

test('compares the rows of a sample alone', async () => {
  const { result } = await against(twinUrl, 'CompoundKey', '--sample', '2')
  const [model] = (result?.['models'] ?? []) as { rows: number; against: Record<string, number> }[]
  expect(model).toMatchObject({ rows: 2, against: { onlyThere: 0 } })
})

test('reads a copy with envelopes, and columns that hold more than Prisma Client reads', async () => {
  await twinSql(`UPDATE native_types SET timestamptz = timestamptz + interval '7 microseconds' WHERE id = 1`)
  expect(await against(twinUrl, 'NativeTypes')).toMatchObject({
    code: 0,
    result: { models: [{ against: { equal: 1, rounded: 1, unreadable: 0, differing: 0 } }] },
  })
  // No value of Prisma's: it can't have become NULL.
  await twinSql(`UPDATE native_types SET timestamp = 'infinity' WHERE id = 2`)
  const infinite = await against(twinUrl, 'NativeTypes')
  expect(findingsOf(infinite)).toEqual(['NativeTypes.timestamp {"id":"2"} DIFFERS'])
  const itself = await against(database.url)
  expect(itself.code).toBe(0)
  for (const { rows, against: found } of (itself.result?.['models'] ?? []) as { rows: number; against: object }[])
    expect(found).toEqual({ equal: rows, ...EQUAL })
})

test('refuses a copy that lacks a column', async () => {
  await twinSql('ALTER TABLE "UniqueOnly" DROP COLUMN secret')
  expect(await against(twinUrl, 'UniqueOnly')).toMatchObject({
    code: 2,
    err: expect.stringContaining(`UniqueOnly.secret: the copy's table "public"."UniqueOnly" lacks its column`),
  })
})
