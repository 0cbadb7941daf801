import { expect, test } from 'vitest'
import { type CliSetup, runCli } from '../support/cli.ts'
import { halfOf, keyOfHalf } from '../support/halves.ts'
import { createRotation, patient } from '../support/rotation.ts'

const { sql, bare, client, setup: common, next, keys } = await createRotation('cli-encrypting-tenants')
const ROWS = 40
/** The keys of the application: `pii` is the current one. */
const setup: CliSetup = { ...common, keys: Object.fromEntries(Object.entries(common.keys).toReversed()), halves: true }
const tenants = () => client({ keys: { current: keys.current, others: [next] }, context: halfOf, key: keyOfHalf })

const placed = () =>
  sql(`SELECT right(id, 1)::int % 2 AS odd, envelope -> 'ctx' ->> 'half' AS half, envelope ->> 'kid' AS kid, count(*)::int AS n
FROM "Patient" GROUP BY 1, 2, 3 ORDER BY 1`)

test('encrypt seals rows under the contexts and keys that the application gives them, and rotate keeps them there', async () => {
  await bare.patient.createMany({ data: Array.from({ length: ROWS }, (_, i) => patient(i)) })
  const { err, code } = await runCli(setup, ['encrypt', 'Patient', '--json'])
  expect([err, code]).toEqual(['', 0])
  const halves = [
    { odd: 0, half: 'even', kid: 'pii', n: ROWS / 2 },
    { odd: 1, half: 'odd', kid: 'next', n: ROWS / 2 },
  ]
  expect(await placed()).toEqual(halves)
  expect(await tenants().patient.findMany({ select: { fullName: true }, orderBy: { id: 'asc' } })).toEqual(
    Array.from({ length: ROWS }, (_, i) => ({ fullName: `Name ${i}` })),
  )
  await expect(
    client({ keys: { current: keys.current, others: [next] }, context: () => ({ half: 'even' }) }).patient.findMany(),
  ).rejects.toMatchObject({
    code: 'CONTEXT_MISMATCH',
  })

  const before = await sql('SELECT envelope FROM "Patient" ORDER BY id')
  expect((await runCli(setup, ['rotate', '--reencrypt', 'Patient', '--json', '--restart'])).code).toBe(0)
  expect(await placed()).toEqual(halves)
  const after = await sql('SELECT envelope FROM "Patient" ORDER BY id')
  expect(after.some(({ envelope }, i) => JSON.stringify(envelope) === JSON.stringify(before[i]?.['envelope']))).toBe(false)
  expect((await runCli(setup, ['verify', 'Patient', '--json'])).result).toMatchObject({ complete: true, findings: 0 })
})
