import { createIndexKey } from 'prisma-envelope'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runCli, startCli } from '../support/cli.ts'
import { createRotation, patient, type StoredPatient } from '../support/rotation.ts'
import { waitUntil } from '../support/wait-until.ts'

const rotation = await createRotation('cli-reindexing')
const { sql, kms, prisma, client, seed, stored, indexKey, keys, arn } = rotation
const ROWS = 1000
const old = indexKey.current
const fresh = await createIndexKey({ current: keys.current })
const idOf = (line: string) => line.split('.')[1] as string
const setup = { ...rotation.setup, keys: { pii: arn }, indexKeys: [fresh, old] }

beforeEach(() => seed(ROWS))
afterEach(async () => {
  kms.faults.clear()
  await sql('DELETE FROM "Patient"')
  await sql('DELETE FROM "Tenant"')
})

const reindex = (...args: string[]) => runCli(setup, ['rotate', '--reindex', '--json', ...args])
const promoted = () => client({ indexKey: { current: fresh, others: [old] } })

/** All that must not change. */
const untouched = (rows: readonly StoredPatient[]) => rows.map(({ id, fullName, envelope }) => ({ id, fullName, envelope }))

async function underIndexKeys(column: 'email' | 'ssn'): Promise<Record<string, number>> {
  const rows = await sql<{ id: string; n: number }>(
    `SELECT substr("${column}", 2, 4) AS id, count(*)::int AS n FROM "Patient" WHERE "${column}" IS NOT NULL GROUP BY 1`,
  )
  return Object.fromEntries(rows.map(({ id, n }) => [id, n]))
}

test('recomputes tokens of all searchable fields, and leaves envelopes as they are', async () => {
  const before = await stored()
  const { code, err, result } = await reindex('Patient', '--workers', '2', '--batch', '100')
  expect(err).toBe('')
  expect(code).toBe(0)
  expect(result).toMatchObject({ kind: 'reindex', models: [{ model: 'Patient', written: ROWS, refused: 0, complete: true }] })
  const after = await stored()
  expect(untouched(after)).toEqual(untouched(before))
  expect(await underIndexKeys('email')).toEqual({ [idOf(fresh)]: ROWS })
  expect(await underIndexKeys('ssn')).toEqual({ [idOf(fresh)]: ROWS })
  const alone = client({ indexKey: { current: fresh, others: [] } })
  expect(await alone.patient.findUnique({ where: { email: 'p7@example.org' } })).toMatchObject(patient(7))
  expect(await alone.patient.findMany({ where: { ssn: 'ssn 8' } })).toMatchObject([patient(8)])
  expect((await reindex('Patient')).result).toMatchObject({ models: [{ written: 0, complete: true }] })
})

test('recomputes the tokens of one field, in the scope of each row', async () => {
  const tenants = await Promise.all(['North', 'South'].map((name) => prisma.tenant.create({ data: { name } })))
  for (const { id: tenantId } of tenants) await prisma.member.create({ data: { tenantId, email: 'Ada@example.org' } })
  await reindex('Patient.ssn', 'Member.email')
  expect(await underIndexKeys('email')).toEqual({ [idOf(old)]: ROWS })
  expect(await underIndexKeys('ssn')).toEqual({ [idOf(fresh)]: ROWS })
  const alone = client({ indexKey: { current: fresh, others: [] } })
  for (const { id: tenantId } of tenants)
    expect(await alone.member.findMany({ where: { tenantId, email: 'ada@example.org' } })).toMatchObject([{ tenantId }])
})

test('recomputes the token of an index key that is lost', async () => {
  const onlyFresh = { ...setup, indexKeys: [fresh] }
  expect((await runCli(onlyFresh, ['rotate', '--reindex', 'Patient', '--json'])).code).toBe(0)
  expect(await underIndexKeys('email')).toEqual({ [idOf(fresh)]: ROWS })
})

test('goes on where a killed run ended', async () => {
  const cli = startCli(setup, ['rotate', '--reindex', 'Patient', '--json', '--batch', '20', '--rate', '200'])
  await waitUntil(async () => ((await underIndexKeys('email'))[idOf(fresh)] ?? 0) >= 200)
  cli.process.kill('SIGKILL')
  expect((await cli.ended).code).toBeNull()
  const { [idOf(old)]: left, ...done } = await underIndexKeys('email')
  expect(Object.keys(done)).toEqual([idOf(fresh)])
  expect((await reindex('Patient')).result).toMatchObject({ models: [{ written: left, complete: true }] })
  expect(await underIndexKeys('email')).toEqual({ [idOf(fresh)]: ROWS })
})

test('while it runs, searches and unique checks of an application see old and new tokens', async () => {
  const app = promoted()
  const cli = startCli(setup, ['rotate', '--reindex', 'Patient', '--json', '--batch', '20', '--rate', '100'])
  await waitUntil(async () => ((await underIndexKeys('email'))[idOf(fresh)] ?? 0) >= 40)
  const [first, last] = [patient(3), patient(ROWS - 1)]
  const tokensOf = async () =>
    (await sql<{ email: string }>('SELECT email FROM "Patient" WHERE id IN ($1, $2) ORDER BY id', [first.id, last.id])).map(
      ({ email }) => email.slice(1, 5),
    )
  for (const wanted of [first, last]) {
    expect(await app.patient.findUnique({ where: { email: wanted.email } })).toMatchObject(wanted)
    await expect(app.patient.create({ data: { ...wanted, id: `twin of ${wanted.id}` } })).rejects.toMatchObject({ code: 'P2002' })
  }
  expect(await tokensOf()).toEqual([idOf(fresh), idOf(old)])
  const emails: string[] = []
  for (let i = 0; i < 20; i++) {
    const email = `New${i}@example.org`
    await app.patient.update({ where: { id: patient(i * 50).id }, data: { email } })
    emails.push(email)
  }
  expect(await cli.ended).toMatchObject({ code: 0, result: { models: [{ refused: 0, complete: true }] } })
  expect(await underIndexKeys('email')).toEqual({ [idOf(fresh)]: ROWS })
  const alone = client({ indexKey: { current: fresh, others: [] } })
  for (const [i, email] of emails.entries())
    expect(await alone.patient.findUnique({ where: { email }, select: { id: true } })).toEqual({ id: patient(i * 50).id })
})

test('leaves what was written past the extension, and reports tokens that contradict what is sealed', async () => {
  await sql(`UPDATE "Patient" SET ssn = 'typed by hand' WHERE id = $1`, [patient(0).id])
  await sql(`UPDATE "Patient" SET ssn = NULL WHERE id = $1`, [patient(1).id])
  await sql(`UPDATE "Patient" SET ssn = (SELECT ssn FROM "Patient" WHERE id = $2) WHERE id = $1`, [patient(2).id, patient(3).id])
  await prisma.patient.update({ where: { id: patient(4).id }, data: { ssn: null } })
  await sql(`UPDATE "Patient" SET ssn = (SELECT ssn FROM "Patient" WHERE id = $2) WHERE id = $1`, [patient(4).id, patient(3).id])
  await sql(`UPDATE "Patient" SET envelope = '{}' WHERE id = $1`, [patient(5).id])
  const before = await stored()
  const { code, events, result } = await reindex('Patient')
  expect(code).toBe(1)
  expect(result).toMatchObject({ models: [{ written: ROWS - 3, refused: 3, complete: true }] })
  expect(events.filter(({ event }) => event === 'finding')).toMatchObject([
    {
      primaryKey: { id: patient(2).id },
      field: 'ssn',
      code: 'FOREIGN_WRITE',
      reason: expect.stringContaining('token of another value'),
    },
    { primaryKey: { id: patient(4).id }, field: 'ssn', code: 'FOREIGN_WRITE', reason: expect.stringContaining('no value') },
    { primaryKey: { id: patient(5).id }, code: 'CANNOT_OPEN' },
  ])
  const after = await stored()
  expect(untouched(after)).toEqual(untouched(before))
  expect(after.slice(0, 2).map(({ ssn }) => ssn)).toEqual(['typed by hand', null])
  for (const i of [2, 4, 5]) expect(after[i]).toEqual(before[i])
})

describe('--all, after a change of the rules', () => {
  /** Tokens as a field without `normalize` had them: the value's own. */
  async function unnormalized(): Promise<void> {
    await sql(`UPDATE "Patient" AS t SET email = '~${idOf(old)}.' || substr(md5(t.id) || md5(t.email), 1, 42) || 'A'`)
  }
  const same = { ...setup, indexKeys: [old] }

  test('recomputes all tokens, and writes those that differ', async () => {
    const before = await stored()
    await unnormalized()
    expect((await runCli(same, ['rotate', '--reindex', 'Patient', '--json'])).result).toMatchObject({ models: [{ written: 0 }] })
    const { code, result } = await runCli(same, ['rotate', '--reindex', 'Patient.email', '--json', '--all'])
    expect(code).toBe(0)
    expect(result).toMatchObject({ models: [{ written: ROWS, refused: 0, complete: true }] })
    expect(await stored()).toEqual(before)
    expect((await runCli(same, ['rotate', '--reindex', 'Patient', '--json', '--all'])).result).toMatchObject({
      models: [{ written: 0, complete: true }],
    })
  })

  test('reports values that have become equal, and leaves their rows as they were', async () => {
    await unnormalized()
    // Under other rules, two patients could have what is one address now.
    await prisma.patient.update({ where: { id: patient(9).id }, data: { email: 'x@example.org' } })
    const [{ email } = { email: '' }] = await sql<{ email: string }>('SELECT email FROM "Patient" WHERE id = $1', [patient(9).id])
    await sql(`UPDATE "Patient" SET email = $2 WHERE id = $1`, [patient(9).id, `~${idOf(old)}.${'B'.repeat(42)}A`])
    await prisma.patient.update({ where: { id: patient(8).id }, data: { email: 'X@example.org ' } })
    await sql(`UPDATE "Patient" SET email = $2 WHERE id = $1`, [patient(8).id, `~${idOf(old)}.${'C'.repeat(42)}A`])
    const { code, events, result } = await runCli(same, ['rotate', '--reindex', 'Patient', '--json', '--all'])
    expect(code).toBe(1)
    expect(result).toMatchObject({ models: [{ written: ROWS - 1, refused: 1, complete: true }] })
    const [finding, ...more] = events.filter(({ event }) => event === 'finding')
    expect(more).toEqual([])
    expect(finding).toMatchObject({ code: 'COLLISION', reason: expect.stringContaining('Patient_email_key') })
    const tokens = (await stored()).slice(8, 10).map((row) => row.email)
    expect(tokens.filter((token) => token === email)).toHaveLength(1)
  })
})
