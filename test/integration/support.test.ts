import { afterAll, expect, test } from 'vitest'
import { adapterOf, keyStore, models, omit, Prisma, PrismaClient, plain, variant } from '../support/client.ts'
import { createDatabase } from '../support/database.ts'
import { startKms } from '../support/kms.ts'

const encrypted = await createDatabase('support')
const twin = await createDatabase('support', 'plain')
const prisma = new PrismaClient({ adapter: adapterOf(encrypted.url) })
const plainPrisma = new plain.PrismaClient({ adapter: adapterOf(twin.url) })
afterAll(() => Promise.all([prisma.$disconnect(), plainPrisma.$disconnect()]))

test('the client under test is the one that the project names', () => {
  expect(Prisma.prismaVersion.client.split('.')[0]).toBe(variant.split('-')[0])
})

test('the database has the tables of the schema, the twin has them without envelopes', async () => {
  const envelopes = `SELECT count(*)::int AS n FROM information_schema.columns WHERE column_name LIKE '%envelope%'`
  expect(await prisma.patient.count()).toBe(0)
  expect(await plainPrisma.patient.count()).toBe(0)
  expect((await encrypted.sql<{ n: number }>(envelopes))[0]?.n).toBeGreaterThan(20)
  expect(await twin.sql(envelopes)).toEqual([{ n: 0 }])
})

test.each(Object.values(Prisma.ModelName))('the tables of %s answer to both clients', async (model) => {
  const name = `${model[0]?.toLowerCase()}${model.slice(1)}` as 'patient'
  expect(await prisma[name].findMany()).toEqual([])
  expect(await plainPrisma[name].findMany()).toEqual([])
})

test('a local KMS serves the AWS adapter, and its log starts empty', async () => {
  const { server, provider, indexKey } = await startKms()
  expect(indexKey.current).toMatch(/^pei1\./)
  expect(server.calls).toEqual({})
  const { plaintext, wrapped } = await provider.generateDataKey({ table: 'Patient' })
  expect(await provider.unwrap(wrapped, { table: 'Patient' })).toEqual(plaintext)
  expect(server.calls).toEqual({ GenerateDataKey: 1, Decrypt: 1 })
})

test('the plan and the omissions are of the schema', () => {
  expect(Object.keys(models).sort()).toEqual(Object.values(Prisma.ModelName).sort())
  expect(omit.patient).toEqual({ envelope: true })
  expect(omit.contact).toEqual({ sealed: true })
  expect(keyStore).toMatchObject({ model: 'EnvelopeKey', table: { name: 'envelope_keys' }, columns: { wrapped: 'wrapped_key' } })
})
