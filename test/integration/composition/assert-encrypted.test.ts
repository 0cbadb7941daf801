import { assertEncrypted, EnvelopeError } from 'prisma-envelope'
import { describe, expect, test } from 'vitest'
import { Prisma } from '../../support/client.ts'
import { createEncryptedClient, extend } from '../../support/encrypted-client.ts'

const { bare, prisma, keys, indexKey, sql } = await createEncryptedClient('assert encrypted')
const named = Prisma.defineExtension({ name: 'named', client: { $name: 'named' } })

describe('assertEncrypted passes', () => {
  test.each<[string, unknown]>([
    ['what $extends returned', prisma],
    [
      'the same extended further',
      prisma.$extends(named).$extends({ query: { $allOperations: ({ args, query }) => query(args) } }),
    ],
    ['a client that had other extensions before', extend(bare.$extends(named) as unknown as typeof bare, { keys, indexKey })],
  ])('%s', (_, client) => {
    expect(() => assertEncrypted(client)).not.toThrow()
  })

  test.each<[string, { $transaction: typeof prisma.$transaction }]>([
    ['it', prisma],
    ['the same extended further', prisma.$extends(named) as unknown as typeof prisma],
  ])('the client of an interactive transaction of %s', async (_, client) => {
    await client.$transaction((tx) => Promise.resolve(assertEncrypted(tx)))
    await client.$transaction([])
  })

  test('and lets TypeScript know', async () => {
    const client: object = prisma
    assertEncrypted(client)
    expect(await client.$envelope.token('Patient.email', 'ada@example.org')).toMatch(/^~/)
  })
})

describe('a client in mode plain', () => {
  const plain = extend(bare, { keys, indexKey, mode: { Patient: 'dual', 'Patient.notes': 'plain' } })

  test('does not pass for one that encrypts', () => {
    const refusal = expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining('Patient.notes is `plain`') })
    expect(() => assertEncrypted(plain)).toThrow(refusal)
    expect(() => assertEncrypted(plain.$extends(named))).toThrow(refusal)
  })

  test('passes where that is allowed, and nothing else does', () => {
    expect(() => assertEncrypted(plain, { allowPlain: true })).not.toThrow()
    expect(() => assertEncrypted(bare, { allowPlain: true })).toThrow('does not encrypt')
  })
})

describe('assertEncrypted refuses', () => {
  /** An application that forgets what `$extends` returned. */
  function forgetful() {
    extend(bare, { keys, indexKey })
    return bare
  }

  test.each<[string, () => unknown]>([
    ['a client without extensions', () => bare],
    ['a client whose $extends was called in vain', forgetful],
    ['a client with other extensions only', () => bare.$extends(named)],
    ['a client with a property of the same name', () => bare.$extends({ client: { $envelope: { token() {}, reveal() {} } } })],
    ['an object with a property of the same name', () => ({ $envelope: { ...prisma.$envelope } })],
    ['a promise of one', () => Promise.resolve(prisma)],
    ['undefined', () => undefined],
    ['null', () => null],
    ['a string', () => 'prisma'],
  ])('%s', (_, make) => {
    expect(() => assertEncrypted(make())).toThrow(EnvelopeError)
    expect(() => assertEncrypted(make())).toThrow(/use what `\$extends\(envelopeEncryption\(…\)\)` returns/)
    expect(() => assertEncrypted(make())).toThrow(expect.objectContaining({ code: 'CONFIG' }))
  })

  test('the client of an interactive transaction of one that was forgotten', async () => {
    await expect(forgetful().$transaction((tx) => Promise.resolve(assertEncrypted(tx)))).rejects.toMatchObject({ code: 'CONFIG' })
  })

  test('what would have written plaintext, which an encrypted client then finds', async () => {
    const client = forgetful()
    await client.patient.create({ data: { id: 'forgotten', email: 'f@example.org', fullName: 'In the open', ward: 'A' } })
    expect(await sql(`SELECT "fullName" FROM "Patient" WHERE id = 'forgotten'`)).toEqual([{ fullName: 'In the open' }])
    await expect(prisma.patient.findUnique({ where: { id: 'forgotten' } })).rejects.toMatchObject({ code: 'PLAINTEXT_FOUND' })
    expect(() => assertEncrypted(client)).toThrow('does not encrypt')
  })
})
