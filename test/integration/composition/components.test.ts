import { assertEncrypted } from 'prisma-envelope'
import { describe, expect, test } from 'vitest'
import { Prisma } from '../../support/client.ts'
import { type BareClient, createEncryptedClient, type EncryptedClient, extend } from '../../support/encrypted-client.ts'

const { bare, prisma, keys, indexKey, sql } = await createEncryptedClient('components')

type Patients = EncryptedClient['patient']

const components = Prisma.defineExtension({
  name: 'components',
  model: {
    patient: {
      /** Calls other operations of the same model. */
      async rename(email: string, fullName: string) {
        const context = Prisma.getExtensionContext(this) as unknown as Patients
        const { id } = await context.findUniqueOrThrow({ where: { email }, select: { id: true } })
        return context.update({ where: { id }, data: { fullName } })
      },
      /** Gives what has not run yet, for batches. */
      byEmail(email: string) {
        return (Prisma.getExtensionContext(this) as unknown as Patients).findUnique({ where: { email } })
      },
    },
    $allModels: {
      async exists(where: object) {
        return (await (Prisma.getExtensionContext(this) as unknown as Patients).count({ where })) > 0
      },
    },
  },
  client: {
    async $register(email: string, fullName: string) {
      const context = Prisma.getExtensionContext(this) as unknown as EncryptedClient
      assertEncrypted(context)
      const patient = await context.patient.create({ data: { email, fullName, ward: 'A' } })
      await context.condition.create({ data: { patientId: patient.id, code: 'new', description: fullName } })
      return patient.id
    },
  },
})

const build = () => prisma.$extends(components)
type Composed = ReturnType<typeof build>

const clients: readonly [string, Composed][] = [
  ['before', extend(bare.$extends(components) as unknown as BareClient, { keys, indexKey }) as unknown as Composed],
  ['after', build()],
]

let count = 0

async function seeded() {
  count += 1
  const email = `p${count}@example.org`
  await prisma.patient.create({ data: { email, fullName: 'Before', notes: 'kept', ward: 'B2' } })
  return email
}

describe.each(clients)('components of an extension that is applied %s encryption', (_, client) => {
  test('search and write what is encrypted, by methods of a model', async () => {
    const email = await seeded()
    expect(await client.patient.exists({ email })).toBe(true)
    expect(await client.patient.exists({ email: `no-${email}` })).toBe(false)
    expect(await client.patient.rename(email, 'Renamed')).toMatchObject({ email, fullName: 'Renamed', notes: 'kept' })
    expect(await sql(`SELECT 1 FROM "Patient" WHERE "fullName" <> '*'`)).toEqual([])
  })

  test('write what is encrypted, by methods of the client', async () => {
    const id = await client.$register(`registered${count}-${_}@example.org`, 'Registered')
    expect(await prisma.patient.findUnique({ where: { id }, include: { conditions: true } })).toMatchObject({
      fullName: 'Registered',
      conditions: [{ description: 'Registered' }],
    })
    expect(await sql(`SELECT "fullName" FROM "Patient" WHERE id = $1`, [id])).toEqual([{ fullName: '*' }])
  })

  test('take part in the caller’s interactive transaction', async () => {
    const email = await seeded()
    const rollBack = new Error('roll back')
    const work = client.$transaction(async (tx) => {
      await tx.patient.rename(email, 'Within')
      expect(await tx.patient.byEmail(email)).toMatchObject({ fullName: 'Within' })
      await tx.$register(`within-${email}`, 'Within')
      throw rollBack
    })
    await expect(work).rejects.toBe(rollBack)
    expect(await prisma.patient.findUnique({ where: { email } })).toMatchObject({ fullName: 'Before' })
    expect(await prisma.patient.count({ where: { email: `within-${email}` } })).toBe(0)
  })

  test('take part in a batch', async () => {
    const email = await seeded()
    const [, found] = await client.$transaction([
      client.patient.update({ where: { email }, data: { fullName: 'Batched' } }),
      client.patient.byEmail(email),
    ])
    expect(found).toMatchObject({ fullName: 'Batched', notes: 'kept' })
  })
})

test('an extension that is applied after encryption adds rows of its own by the client that it was applied to', async () => {
  const audited = Prisma.defineExtension((client) => {
    assertEncrypted(client)
    return client.$extends({
      query: {
        patient: {
          async create({ args, query }) {
            const patient = await query(args)
            await client.plain.create({ data: { name: 'created a patient' } })
            await client.contact.create({
              data: { email: 'audit@example.org', familyName: 'Audit', street: String(patient.ward) },
            })
            return patient
          },
        },
      },
    })
  })
  await prisma.$extends(audited).patient.create({ data: { email: 'audited@example.org', fullName: 'A', ward: 'W7' } })
  expect(await prisma.contact.findFirst({ where: { email: 'audit@example.org' } })).toMatchObject({ street: 'W7' })
  expect(await prisma.plain.count({ where: { name: 'created a patient' } })).toBe(1)
  expect(await sql(`SELECT street, "familyName" FROM "Contact"`)).toEqual([{ street: 'hidden', familyName: '*' }])
})
