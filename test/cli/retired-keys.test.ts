import { beforeAll, expect, test } from 'vitest'
import { type CliSetup, runCli } from '../support/cli.ts'
import { keyStore } from '../support/client.ts'
import { createRotation } from '../support/rotation.ts'

const { setup: all, client, promoted, seed, sql } = await createRotation('cli-retired-keys', { keyStore })
const setup: CliSetup = { ...all, keyStore: true, minimumKey: 'next' }
const run = (...args: string[]) => runCli(setup, [...args, 'Patient', '--json'])
const codesOf = (events: readonly Readonly<Record<string, unknown>>[]) =>
  events.flatMap(({ event, code }) => (event === 'finding' ? [code] : []))

beforeAll(async () => {
  await seed(2, client())
  await client({ wrap: 'branch' }).patient.create({ data: { id: 'inline', email: 'i@example.org', fullName: 'I', ward: 'A' } })
  await promoted().patient.create({ data: { id: 'new', email: 'n@example.org', fullName: 'N', ward: 'A' } })
})

test('rows under retired keys are told of, whether they carry or name theirs, until they are moved', async () => {
  expect((await run('status')).result).toMatchObject({ models: [{ retired: 3, encrypted: 4 }] })
  expect((await runCli(setup, ['status', 'Patient'])).out).toContain('pii (retired) 3')
  const verified = await run('verify')
  expect(codesOf(verified.events)).toEqual(['KEY_RETIRED', 'KEY_RETIRED', 'KEY_RETIRED'])
  expect(verified.code).toBe(1)
  expect(codesOf((await run('doctor')).events)).toContain('KEY_RETIRED')

  expect((await run('rotate', '--rewrap')).code).toBe(0)
  expect((await run('status')).result).toMatchObject({ models: [{ retired: 0, encrypted: 4 }] })
  expect((await run('verify')).result).toMatchObject({ findings: 0 })
  const named = await sql(`SELECT FROM "Patient" WHERE envelope ? 'bk' AND envelope ->> 'kid' = 'pii'`)
  expect(named).toHaveLength(2)
})

test('a name of no key is refused', async () => {
  const { code, err } = await runCli({ ...setup, minimumKey: 'nowhere' }, ['status'])
  expect(code).toBe(2)
  expect(err).toContain('minimumKey')
})
