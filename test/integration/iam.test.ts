import {
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  ListKeysCommand,
  ScheduleKeyDeletionCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import { createIndexKey, type DataKey, type EnvelopeError, type EnvelopeOptions } from 'prisma-envelope'
import { rowContext } from 'prisma-envelope/rows'
import { beforeEach, describe, expect, test } from 'vitest'
import { keyStore } from '../support/client.ts'
import { createEncryptedClient, type EncryptedClient } from '../support/encrypted-client.ts'
import { type Admitted, admit } from '../support/iam.ts'
import { expectRefusal } from '../support/refused.ts'

const { prisma, kms, keys, arn, sql, client } = await createEncryptedClient('iam')
const reader = await admit(kms, 'reader', arn)
const writer = await admit(kms, 'writer', arn)
const inserter = await admit(kms, 'inserter', arn)
const tenantReader = await admit(kms, 'tenant-reader', arn)
const tenantWriter = await admit(kms, 'tenant-writer', arn)
const indexKeyCreator = await admit(kms, 'index-key-creator', arn)
const administrator = await admit(kms, 'administrator', arn)

/** A process of its own, with empty caches, that reaches the KMS by these credentials. */
const processOf = ({ provider }: Admitted): EncryptedClient => client({ keys: { current: provider(arn) } })
const ada = { id: 'ada', email: 'ada@example.org', fullName: 'Ada Lovelace', notes: 'Prefers mornings.', ward: 'A' }
const bob = { id: 'bob', email: 'bob@example.org', fullName: 'Bob Bush', ward: 'A' }
const denied = { code: 'ACCESS_DENIED' } as const
const refused = (call: () => Promise<unknown>): Promise<EnvelopeError> => expectRefusal(sql, call, denied)
/** A key of that context, made by somebody who may do everything. */
const keysOf = (context: Readonly<Record<string, string>>): Promise<DataKey> => keys.current.generateDataKey(context)
const plainText = new Uint8Array(32).fill(7)

beforeEach(async () => {
  await sql('TRUNCATE "Patient", "Doctor" CASCADE')
  await prisma.patient.create({ data: { ...ada, profile: { create: { phone: '+44 1', bio: 'First programmer.' } } } })
  await prisma.doctor.create({ data: { name: 'Gregory House' } })
  kms.resetLog()
})

describe('reader', () => {
  test('reads and searches rows of its tables', async () => {
    const db = processOf(reader)
    expect(await db.patient.findUnique({ where: { email: ada.email }, include: { profile: true } })).toMatchObject({
      ...ada,
      profile: { phone: '+44 1', bio: 'First programmer.' },
    })
    expect(kms.calls).toEqual({ Decrypt: 3 })
  })

  test('seals nothing, whole rows or parts', async () => {
    const error = await refused(() => processOf(reader).patient.create({ data: bob }))
    expect(error.cause).toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringMatching(
        /user\/LOCAL-reader is not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:/,
      ),
    })
    await refused(() => processOf(reader).patient.update({ where: { id: 'ada' }, data: { notes: 'seen' } }))
    await expect(reader.provider(arn).wrap(plainText, rowContext('Patient'))).rejects.toMatchObject(denied)
  })

  test('opens no other table, and no row of a context that the policy does not name', async () => {
    await refused(() => processOf(reader).doctor.findMany())
    const { wrapped } = await keysOf(rowContext('Patient', { tenant: 'north' }))
    await expect(reader.provider(arn).unwrap(wrapped, rowContext('Patient', { tenant: 'north' }))).rejects.toMatchObject(denied)
  })
})

describe('writer', () => {
  test('creates, reads, and updates parts of rows that others wrote', async () => {
    const db = processOf(writer)
    await db.patient.create({ data: bob })
    await db.patient.update({ where: { email: ada.email }, data: { notes: 'seen' } })
    expect(await prisma.patient.findMany({ orderBy: { id: 'asc' } })).toMatchObject([{ ...ada, notes: 'seen' }, bob])
    expect(Object.keys(kms.calls).sort()).toEqual(['Decrypt', 'GenerateDataKey'])
  })

  test('neither seals nor opens rows of other tables, nor wraps keys of its own choice', async () => {
    await refused(() => processOf(writer).doctor.create({ data: { name: 'John Watson' } }))
    await refused(() => processOf(writer).doctor.findMany())
    await expect(writer.provider(arn).wrap(plainText, rowContext('Patient'))).rejects.toMatchObject(denied)
  })
})

describe('inserter', () => {
  test('creates rows, whose unique values are found by their tokens', async () => {
    const db = processOf(inserter)
    await db.patient.create({ data: bob })
    await db.patient.createMany({ data: [{ email: 'cem@example.org', fullName: 'Cem Can', ward: 'B' }] })
    await expect(db.patient.create({ data: { ...bob, id: 'rob' } })).rejects.toMatchObject({ code: 'P2002' })
    expect(await db.patient.count({ where: { email: { in: [ada.email, bob.email] } } })).toBe(2)
    expect(await prisma.patient.findUnique({ where: { email: bob.email } })).toMatchObject(bob)
    expect(kms.calls).toEqual({ GenerateDataKey: 1, Decrypt: 2 })
  })

  test('replaces all encrypted fields of a row, which needs no look at it', async () => {
    const { id, ward: _, ...fields } = { ...bob, id: 'ada', ssn: null, birthDate: null, history: { visits: 2 }, notes: null }
    await processOf(inserter).patient.update({ where: { id }, data: fields })
    expect(await prisma.patient.findUnique({ where: { id } })).toMatchObject(fields)
    expect(kms.calls).toMatchObject({ GenerateDataKey: 1 })
  })

  test('reads nothing that another process wrote, and updates no part of it', async () => {
    await refused(() => processOf(inserter).patient.findMany())
    await refused(() => processOf(inserter).patient.update({ where: { id: 'ada' }, data: { notes: 'seen' } }))
    await processOf(inserter).patient.create({ data: bob })
    await refused(() => processOf(inserter).patient.findUniqueOrThrow({ where: { id: 'bob' } }))
  })
})

describe('with a key store', () => {
  const storing = ({ provider }: Admitted): EncryptedClient => client({ keys: { current: provider(arn) }, keyStore })

  beforeEach(async () => {
    await sql('TRUNCATE "Patient" CASCADE')
    await sql('DELETE FROM envelope_keys')
  })

  test('the writer makes the key, under which the reader opens and other writers seal', async () => {
    await storing(writer).patient.create({ data: ada })
    await storing(writer).patient.create({ data: bob })
    expect(await storing(reader).patient.findMany({ orderBy: { id: 'asc' } })).toMatchObject([ada, bob])
    expect(await sql('SELECT id FROM envelope_keys')).toHaveLength(1)
  })

  // AES-GCM is symmetric: whoever opens a key can seal under it. That is for the database's permissions to forbid, as docs/iam.md says.
  test('the reader makes no key, but seals under one that is there', async () => {
    await refused(() => storing(reader).patient.create({ data: ada }))
    await storing(writer).patient.create({ data: ada })
    await storing(reader).patient.create({ data: bob })
    await refused(() => storing(reader).doctor.create({ data: { name: 'John Watson' } }))
  })

  test('the inserter can seal under no key that another process has made', async () => {
    await storing(inserter).patient.create({ data: ada })
    await refused(() => storing(inserter).patient.create({ data: bob }))
    await processOf(inserter).patient.create({ data: bob })
  })
})

describe('of one tenant', () => {
  const north = rowContext('Patient', { tenant: 'north' })
  const others = [
    rowContext('Patient', { tenant: 'south' }),
    rowContext('Patient', { tenant: 'North' }),
    rowContext('Patient', { Tenant: 'north' }),
    rowContext('Patient', { tenant: 'north', ward: 'A' }),
    rowContext('Doctor', { tenant: 'north' }),
    rowContext('Patient'),
    { tenant: 'north' },
  ]

  test('the reader opens keys of that tenant, and of no other', async () => {
    const { wrapped, plaintext } = await keysOf(north)
    expect(await tenantReader.provider(arn).unwrap(wrapped, north)).toEqual(plaintext)
    await expect(tenantReader.provider(arn).generateDataKey(north)).rejects.toMatchObject(denied)
    for (const context of others) {
      const other = await keysOf(context)
      await expect(tenantReader.provider(arn).unwrap(other.wrapped, context), JSON.stringify(context)).rejects.toMatchObject(
        denied,
      )
      // Lying about the context passes the policy, but the KMS binds the key to the true one.
      await expect(tenantReader.provider(arn).unwrap(other.wrapped, north)).rejects.toMatchObject({ code: 'CANNOT_OPEN' })
    }
  })

  test('the writer makes keys of that tenant, and of no other', async () => {
    const { wrapped, plaintext } = await tenantWriter.provider(arn).generateDataKey(north)
    expect(await tenantWriter.provider(arn).unwrap(wrapped, north)).toEqual(plaintext)
    for (const context of others) {
      await expect(tenantWriter.provider(arn).generateDataKey(context), JSON.stringify(context)).rejects.toMatchObject(denied)
    }
  })

  test('rows are read and written for that tenant, whatever the process claims', async () => {
    const context: EnvelopeOptions['context'] = (_row, { settings: { tenant } }) =>
      tenant === undefined ? undefined : { tenant }
    const of = ({ provider }: Admitted, tenant: string): EncryptedClient =>
      client({ keys: { current: provider(arn) }, context }).$envelope({ tenant }) as unknown as EncryptedClient
    await sql('TRUNCATE "Patient" CASCADE')
    await of(tenantWriter, 'north').patient.create({ data: ada })
    await refused(() => of(tenantWriter, 'south').patient.create({ data: bob }))
    await (client({ context }).$envelope({ tenant: 'south' }) as unknown as EncryptedClient).patient.create({ data: bob })

    for (const principal of [tenantReader, tenantWriter]) {
      expect(await of(principal, 'north').patient.findUnique({ where: { id: 'ada' } })).toMatchObject(ada)
      await refused(() => of(principal, 'south').patient.findUnique({ where: { id: 'bob' } }))
      const mismatch = { code: 'CONTEXT_MISMATCH', model: 'Patient' } as const
      await expectRefusal(sql, () => of(principal, 'north').patient.findUnique({ where: { id: 'bob' } }), mismatch)
    }
    await refused(() => of(tenantReader, 'north').patient.update({ where: { id: 'ada' }, data: { notes: 'seen' } }))
    await of(tenantWriter, 'north').patient.update({ where: { id: 'ada' }, data: { notes: 'seen' } })
  })

  test('both search', async () => {
    for (const principal of [tenantReader, tenantWriter]) {
      expect(await processOf(principal).patient.count({ where: { email: ada.email } })).toBe(1)
      await refused(() => processOf(principal).patient.findMany())
    }
  })
})

test('whoever creates index keys makes one, and neither opens it nor touches rows', async () => {
  const provider = indexKeyCreator.provider(arn)
  const line = await createIndexKey({ current: provider })
  expect(await client({ indexKey: { current: line } }).patient.count({ where: { email: ada.email } })).toBe(0)
  const mine = client({ keys: { current: provider }, indexKey: { current: line } })
  await refused(() => mine.patient.count({ where: { email: ada.email } }))
  await expect(provider.generateDataKey(rowContext('Patient'))).rejects.toMatchObject(denied)
  const { wrapped } = await keysOf(rowContext('Patient'))
  await expect(provider.unwrap(wrapped, rowContext('Patient'))).rejects.toMatchObject(denied)
})

test('the administrator makes and manages keys, and can neither use nor destroy them', async () => {
  const { client: aws } = administrator
  const { KeyMetadata } = await aws.send(new CreateKeyCommand({ Description: 'PII' }))
  const KeyId = KeyMetadata?.Arn ?? ''
  const tasks = [
    new CreateAliasCommand({ AliasName: 'alias/app-made', TargetKeyId: KeyId }),
    new UpdateAliasCommand({ AliasName: 'alias/app-made', TargetKeyId: arn }),
    new DisableKeyCommand({ KeyId }),
    new EnableKeyCommand({ KeyId }),
    new DescribeKeyCommand({ KeyId: 'alias/app-made' }),
    new ListKeysCommand({}),
  ]
  for (const task of tasks) await expect(aws.send(task as ListKeysCommand), task.constructor.name).resolves.toBeDefined()
  const CiphertextBlob = (await keysOf(rowContext('Patient'))).wrapped.subarray(17)
  const uses = [
    new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }),
    new EncryptCommand({ KeyId, Plaintext: plainText }),
    new DecryptCommand({ CiphertextBlob, EncryptionContext: { ...rowContext('Patient') } }),
    new ScheduleKeyDeletionCommand({ KeyId }),
    new CreateAliasCommand({ AliasName: 'alias/other', TargetKeyId: KeyId }),
  ]
  for (const use of uses) {
    await expect(aws.send(use as ListKeysCommand), use.constructor.name).rejects.toMatchObject({ name: 'AccessDeniedException' })
  }
})
