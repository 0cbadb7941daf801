import type { Prisma as Types } from '../generated/7/client/client.ts'
import { Prisma } from './client.ts'
import type { EncryptedClient } from './encrypted-client.ts'
import { seedHospital } from './hospital.ts'
import type { Nulls } from './twins.ts'

/** Part of many plaintext values of {@link seedEveryModel}, so that a test can look for what should not be anywhere. */
export const SECRET = 'Zanzibar'

/** A few rows of every encrypted model: keys of every shape, values of every type, mapped names. */
export async function seedEveryModel(db: EncryptedClient, nulls: Nulls = Prisma): Promise<void> {
  await seedHospital(db, nulls)
  const secret = SECRET
  for (const id of ['one', 'two', 'three']) await db.givenKey.create({ data: { id, secret: `${secret} ${id}` } })
  await db.cuidKey.createMany({ data: [{ secret }, { secret: '' }] })
  await db.cuid2Key.create({ data: { secret } })
  await db.ulidKey.create({ data: { secret } })
  await db.nanoidKey.create({ data: { secret } })
  await db.uuid7Key.create({ data: { secret } })
  await db.charKey.createMany({
    data: [
      { id: 'ab', secret },
      { id: 'abcdefgh', secret },
    ],
  })
  await db.bigIntKey.createMany({
    data: [
      { id: 9007199254740993n, secret },
      { id: -1n, secret },
    ],
  })
  await db.bigSerialKey.createMany({ data: [{ secret }, { secret }] })
  await db.dateTimeKey.createMany({
    data: [
      { at: new Date('2024-02-29T23:59:59.123Z'), secret },
      { at: new Date('1969-01-01T00:00:00Z'), secret },
    ],
  })
  await db.enumKey.createMany({
    data: [
      { mood: 'EXCITED', secret },
      { mood: 'SAD', secret },
    ],
  })
  await db.compoundKey.createMany({
    data: ['n', 's'].flatMap((region) => [1, 2].map((number) => ({ region, number, secret: `${secret} ${region}${number}` }))),
  })
  await db.mixedKey.createMany({ data: ['n', 's'].map((region) => ({ region, secret })) })
  await db.uniqueOnly.createMany({ data: ['a', 'b', 'c'].map((slug) => ({ slug, secret: `${secret} ${slug}` })) })
  await db.where.create({
    data: { id: 'w', select: `${secret} w`, where: secret, data: { create: { select: secret, data: { [secret]: 1 } } } },
  })
  await db.connect.create({ data: { connect: secret, equals: 90210, is: 'w' } })
  await db.account.create({
    data: {
      email: `${secret}@example.org`,
      fullName: secret,
      invoices: { create: [{ address: secret }, { address: `${secret} 2` }] },
    },
  })
  await db.person.create({
    data: {
      id: 'p',
      email: secret,
      name: secret,
      age: 41,
      locker: { create: { id: 'l', code: secret } },
      badge: { create: { motto: secret } },
      letters: { create: [{ title: secret, body: [secret] }, { title: `${secret} 2` }] },
    },
  })
  await db.club.create({ data: { region: 'n', number: 7, title: secret } })
  await db.membership.create({ data: { personId: 'p', region: 'n', number: 7, role: secret } })
  await db.allTypes.createMany({ data: [everyType(false, nulls), everyType(true, nulls)] })
  await db.nativeTypes.createMany({ data: [nativeTypes(), {}] })
  await db.defaults.createMany({ data: [{}, { string: secret, city: secret }] })
  await db.wide.create({ data: { c001: secret, c200: secret } })
}

function everyType(optional: boolean, { JsonNull }: Nulls): Types.AllTypesCreateManyInput {
  const secret = SECRET
  const values = {
    string: secret,
    int: 4242,
    bigInt: 9007199254740993n,
    float: 1.5e300,
    decimal: new Prisma.Decimal('12345678901234567890.125'),
    boolean: true,
    dateTime: new Date('1815-12-10T01:02:03.004Z'),
    json: { [secret]: [1, null, 'x'], 10: 0.1 },
    bytes: new Uint8Array([1, 2, 255]),
    mood: 'EXCITED',
  } as const
  const entries = Object.entries(values)
  return {
    ...values,
    ...(optional && Object.fromEntries(entries.map(([name, value]) => [`${name}Opt`, value]))),
    ...(optional && { jsonOpt: JsonNull }),
    ...(optional && Object.fromEntries(entries.map(([name, value]) => [`${name}List`, [value, value]]))),
  }
}

function nativeTypes(): Types.NativeTypesCreateManyInput {
  const secret = SECRET
  return {
    text: secret,
    varChar: secret,
    char: 'Zanz',
    uuid: '0B3E4E8A-5D5F-4A4E-8D0F-1F6F5A1C2D3E',
    smallInt: 321,
    integer: 4242,
    bigInt: 1n,
    real: 0.1,
    doublePrecision: 0.1,
    decimal: '1234.5',
    boolean: false,
    timestamp: new Date('2024-02-29T23:59:59.123Z'),
    timestampSecond: new Date('2024-02-29T23:59:59.900Z'),
    timestamptz: new Date('2024-02-29T23:59:59.123Z'),
    date: new Date('2024-02-29'),
    time: new Date('1970-01-01T12:34:56.789Z'),
    json: { b: 1, a: [secret] },
    jsonB: { b: 1, a: [secret] },
    byteA: new Uint8Array([0]),
    searchVarChar: secret,
    uuidList: ['0b3e4e8a-5d5f-4a4e-8d0f-1f6f5a1c2d3e'],
    decimalList: ['1.5', '-2'],
  }
}
