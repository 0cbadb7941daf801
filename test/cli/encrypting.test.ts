import { expect, test } from 'vitest'
import { runCli } from '../support/cli.ts'
import { createEncryptedClient } from '../support/encrypted-client.ts'

const { database, sql, kms, arn, bare, prisma, indexKey } = await createEncryptedClient('cli-encrypting')
const setup = { databaseUrl: database.url, kms, keys: { pii: arn }, indexKeys: [indexKey.current] }

test('encrypts plaintext rows, which the extension then reads', async () => {
  await bare.patient.createMany({
    data: Array.from({ length: 2500 }, (_, i) => ({
      email: `P${i}@example.org`,
      fullName: `Name ${i}`,
      ward: 'A',
      birthDate: i % 2 ? new Date(i * 1e9) : null,
    })),
  })
  const { code, err, result } = await runCli(setup, ['encrypt', 'Patient', '--json'])
  expect(err).toBe('')
  expect(code).toBe(0)
  expect(result).toMatchObject({ models: [{ model: 'Patient', written: 2500, refused: 0, complete: true }] })
  expect(
    await sql(`SELECT count(*)::int AS n FROM "Patient" WHERE "fullName" <> '*' OR envelope IS NULL OR email NOT LIKE '~%'`),
  ).toEqual([{ n: 0 }])
  expect(
    await prisma.patient.findUnique({ where: { email: 'p7@example.org' }, select: { email: true, fullName: true } }),
  ).toEqual({ email: 'P7@example.org', fullName: 'Name 7' })
})
