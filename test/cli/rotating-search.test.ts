import type { EnvelopeOptions } from 'prisma-envelope'
import { expect, test } from 'vitest'
import { runCli } from '../support/cli.ts'
import { models } from '../support/client.ts'
import { createEncryptedClient } from '../support/encrypted-client.ts'

const { database, sql, kms, arn, prisma, client, indexKey } = await createEncryptedClient('cli-rotating-search')
const setup = { databaseUrl: database.url, kms, keys: { pii: arn }, indexKeys: [indexKey.current] }

/** The plan of yesterday's schema: `notes` was searchable, and `ssn` was not. */
function yesterday(): EnvelopeOptions['models'] {
  const { Patient } = models
  const { ssn, notes } = Patient.columns
  const { search: _, ...unsearched } = { search: undefined, ...ssn?.encrypted }
  const search = { index: 'Patient.notes', normalize: [], scope: [] }
  const columns = {
    ...Patient.columns,
    ssn: { ...ssn, encrypted: unsearched },
    notes: { ...notes, encrypted: { ...notes?.encrypted, search } },
  }
  return { ...models, Patient: { ...Patient, columns } } as EnvelopeOptions['models']
}

const columns = () => sql(`SELECT left(ssn, 1) AS ssn, left(notes, 1) AS notes FROM "Patient" ORDER BY id`)
const kinds = (events: readonly Readonly<Record<string, unknown>>[]) =>
  events.flatMap(({ event, field, code }) => (event === 'finding' ? [`${String(field)} ${String(code)}`] : [])).sort()

test('a field begins or ceases to be searchable while the application runs', async () => {
  const old = client({ models: yesterday() })
  await old.patient.createMany({
    data: ['ada', 'eve', 'zoe'].map((id) => ({
      id,
      email: `${id}@example.org`,
      fullName: id,
      ward: 'A',
      ssn: id === 'zoe' ? null : `ssn of ${id}`,
      notes: `notes of ${id}`,
    })),
  })
  expect(await columns()).toEqual([
    { ssn: '*', notes: '~' },
    { ssn: '*', notes: '~' },
    { ssn: null, notes: '~' },
  ])

  // What is sealed is read, and is not taken for what something else wrote, in whatever mode.
  for (const mode of ['strict', 'dual', 'plain'] as const) {
    const found = await client({ mode }).patient.findMany({ orderBy: { id: 'asc' }, select: { ssn: true, notes: true } })
    expect(found).toEqual([
      { ssn: 'ssn of ada', notes: 'notes of ada' },
      { ssn: 'ssn of eve', notes: 'notes of eve' },
      { ssn: null, notes: 'notes of zoe' },
    ])
  }
  await client({ mode: 'dual' }).patient.update({ where: { id: 'ada' }, data: { fullName: 'Ada' } })
  expect(await prisma.patient.findFirst({ where: { ssn: 'ssn of eve' } })).toBeNull()

  const before = await runCli(setup, ['verify', 'Patient', '--json'])
  expect(before.code).toBe(1)
  expect(kinds(before.events)).toEqual([
    'notes TOKEN_LEFT',
    'notes TOKEN_LEFT',
    'notes TOKEN_LEFT',
    'ssn NOT_INDEXED',
    'ssn NOT_INDEXED',
  ])
  const encrypted = await runCli(setup, ['encrypt', 'Patient', '--thorough', '--json'])
  expect(encrypted.result).toMatchObject({ models: [{ written: 0, refused: 0 }] })

  const { code, result } = await runCli(setup, ['rotate', '--reindex', 'Patient', '--json'])
  expect({ code, result }).toMatchObject({ code: 0, result: { models: [{ model: 'Patient', written: 3, refused: 0 }] } })
  expect(await columns()).toEqual([
    { ssn: '~', notes: '*' },
    { ssn: '~', notes: '*' },
    { ssn: null, notes: '*' },
  ])
  expect(await prisma.patient.findFirst({ where: { ssn: 'ssn of ada' }, select: { fullName: true, notes: true } })).toEqual({
    fullName: 'Ada',
    notes: 'notes of ada',
  })
  expect(await runCli(setup, ['verify', 'Patient'])).toMatchObject({ code: 0 })
  expect((await runCli(setup, ['rotate', '--reindex', 'Patient', '--json'])).result).toMatchObject({ models: [{ written: 0 }] })
})
