import { awsKms } from '@prisma-envelope/kms/aws'
import { createIndexKey } from 'prisma-envelope'
import { afterAll, expect, test } from 'vitest'
import { createEncryptedClient, type EncryptedClient } from '../../support/encrypted-client.ts'
import { kmsClient } from '../../support/kms-client.ts'
import { expectRefusal } from '../../support/refused.ts'
import { tenantOf } from './tenant-of.ts'

const { client, sql, kms, keys, indexKey } = await createEncryptedClient('rotation of tenants', { context: tenantOf })
const sdk = kmsClient(kms)
afterAll(() => sdk.destroy())

const before = keys.current
const after = awsKms({ name: 'next', keyId: (await kms.createKey()).arn, client: sdk })
const nextLine = await createIndexKey({ current: after })

/** Instances of the application, each with the configuration that its deployment gave it. */
const deployed = {
  first: client(),
  readable: client({
    keys: { current: before, others: [after] },
    indexKey: { current: indexKey.current, others: [nextLine] },
  }),
  promoted: client({
    keys: { current: after, others: [before] },
    indexKey: { current: nextLine, others: [indexKey.current] },
  }),
  retired: client({
    keys: { current: after, others: [before] },
    indexKey: { current: nextLine, others: [indexKey.current] },
    minimumKey: 'next',
  }),
}

const tenants = ['north', 'south'] as const
const row = (id: string) => ({ id, email: `${id}@example.org`, fullName: `Name of ${id}`, ward: 'A1' })

/** What every tenant finds of all rows that were written so far, by token and by key. */
async function expectAllToRead(db: EncryptedClient, names: readonly string[]): Promise<void> {
  for (const tenant of tenants) {
    const own = db.$envelope({ tenant })
    for (const name of names) {
      const { id, email, fullName } = row(`${name} of ${tenant}`)
      expect(await own.patient.findUnique({ where: { email } })).toMatchObject({ id, fullName })
      const other = tenant === 'north' ? 'south' : 'north'
      await expect(db.$envelope({ tenant: other }).patient.findUnique({ where: { id } })).rejects.toMatchObject({
        code: 'CONTEXT_MISMATCH',
      })
    }
  }
}

const write = async (db: EncryptedClient, name: string): Promise<void> => {
  for (const tenant of tenants) await db.$envelope({ tenant }).patient.create({ data: row(`${name} of ${tenant}`) })
}

const kids = async (): Promise<unknown> =>
  sql(`SELECT envelope ->> 'kid' AS kid, count(*)::int AS rows FROM "Patient" GROUP BY 1 ORDER BY 1`)

test('a key that is readable everywhere first, and promoted then, stops nobody', async () => {
  const { first, readable, promoted } = deployed
  await write(first, 'a')
  await write(readable, 'b')
  for (const db of [first, readable]) await expectAllToRead(db, ['a', 'b'])
  // Half of the instances are promoted.
  await write(promoted, 'c')
  await write(readable, 'd')
  for (const db of [readable, promoted]) await expectAllToRead(db, ['a', 'b', 'c', 'd'])
  expect(await kids()).toEqual([
    { kid: 'next', rows: 2 },
    { kid: 'pii', rows: 6 },
  ])
  await expect(
    promoted.$envelope({ tenant: 'north' }).patient.create({ data: { ...row('a of north'), id: 'twin' } }),
  ).rejects.toMatchObject({ code: 'P2002' })
})

test('minimumKey refuses rows under keys before it, without asking the KMS, and names the way out', async () => {
  const { retired } = deployed
  const north = retired.$envelope({ tenant: 'north' })
  expect(await north.patient.findUnique({ where: { id: 'c of north' } })).toMatchObject({ fullName: 'Name of c of north' })
  kms.resetLog()
  for (const refused of [
    () => north.patient.findUnique({ where: { id: 'a of north' } }),
    () => north.patient.update({ where: { id: 'a of north' }, data: { notes: 'x' } }),
  ]) {
    await expectRefusal(sql, refused, {
      code: 'KEY_RETIRED',
      model: 'Patient',
      primaryKey: { id: 'a of north' },
      message: expect.stringContaining('prisma-envelope-cli rotate'),
    })
  }
  expect(kms.calls).toEqual({})
})

test('what is written again moves to the next key, under its own context, until none is left', async () => {
  const { promoted, retired } = deployed
  for (const tenant of tenants) {
    const where = { id: { endsWith: ` of ${tenant}` } }
    await promoted.$envelope({ tenant }).patient.updateMany({ where, data: { notes: 'moved' } })
  }
  expect(await kids()).toEqual([{ kid: 'next', rows: 8 }])
  await expectAllToRead(retired, ['a', 'b', 'c', 'd'])
})

test('a retired key seals nothing, and minimumKey is one of the keyring', async () => {
  const options = { keys: { current: after, others: [before] }, minimumKey: 'next', key: () => 'pii' }
  await expectRefusal(sql, () => client(options).patient.create({ data: row('e') }), {
    code: 'CONFIG',
    message: expect.stringContaining('(next)'),
  })
  expect(() => client({ minimumKey: 'nobody' })).toThrow(expect.objectContaining({ code: 'CONFIG' }))
})
