import 'reflect-metadata'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Inject, Injectable, Module, type OnModuleInit } from '@nestjs/common'
import { Test } from '@nestjs/testing'
import { assertEncrypted } from 'prisma-envelope'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { omit, PrismaClient } from '../../support/client.ts'
import { adapter, database, encryption } from './nest-database.ts'
import { PrismaService } from './prisma.service.ts'

const ada = { email: 'ada@example.org', fullName: 'Ada Lovelace', ward: 'B2' }

@Injectable()
class Patients {
  readonly #prisma: PrismaService

  constructor(prisma: PrismaService) {
    this.#prisma = prisma
  }

  async admit(data: typeof ada) {
    return this.#prisma.$transaction((tx) => tx.patient.create({ data }))
  }

  async find(email: string) {
    return this.#prisma.patient.findUnique({ where: { email } })
  }

  async tokenOf(email: string) {
    return this.#prisma.$envelope.token('Patient.email', email)
  }
}

@Module({ providers: [PrismaService, Patients], exports: [Patients] })
class PatientsModule {}

describe('class PrismaService extends PrismaClient', () => {
  test('is injected as a client that encrypts, with the types of one', async () => {
    const app = await Test.createTestingModule({ imports: [PatientsModule] }).compile()
    await app.init()
    const patients = app.get(Patients)
    await patients.admit(ada)
    const found = await patients.find('Ada@Example.org')
    expect(found).toMatchObject(ada)
    expectTypeOf<NonNullable<typeof found>>().toHaveProperty('fullName')
    expectTypeOf<NonNullable<typeof found>>().not.toHaveProperty('envelope')
    expect(found).not.toHaveProperty('envelope')
    const [row] = await database.sql('SELECT email, "fullName" FROM "Patient"')
    expect(row).toEqual({ email: await patients.tokenOf(ada.email), fullName: '*' })
    await app.close()
  })

  test('disconnects when the application closes', async () => {
    const app = await Test.createTestingModule({ imports: [PatientsModule] }).compile()
    await app.init()
    await app.get(Patients).find(ada.email)
    const connections = async () => {
      const others =
        'SELECT count(*)::int AS others FROM pg_stat_activity WHERE datname = current_database() AND application_name <> $1'
      const [row] = await database.sql<{ others: number }>(others, ['postgres.js'])
      return row?.others
    }
    expect(await connections()).toBeGreaterThan(0)
    await app.close()
    await expect.poll(connections).toBe(0)
  })

  test('that forgets what $extends returned does not start', async () => {
    @Injectable()
    class Forgetful extends PrismaClient<{ adapter: typeof adapter; omit: typeof omit }> implements OnModuleInit {
      constructor() {
        super({ adapter, omit })
        this.$extends(encryption)
      }

      onModuleInit() {
        assertEncrypted(this)
      }
    }
    const app = await Test.createTestingModule({ providers: [Forgetful] }).compile()
    await expect(app.init()).rejects.toMatchObject({ name: 'EnvelopeError', code: 'CONFIG' })
  })

  test('stands in the README as it is run here', async () => {
    const read = (path: string) => readFile(fileURLToPath(new URL(path, import.meta.url)), 'utf8')
    const [readme, source] = await Promise.all([read('../../../README.md'), read('./prisma.service.ts')])
    const shown = readme.slice(readme.indexOf('@Injectable()\nexport class PrismaService'))
    expect(source.slice(source.indexOf('@Injectable()'))).toBe(shown.slice(0, shown.indexOf('```')))
  })
})

describe('a provider with a factory', () => {
  const createPrisma = () => new PrismaClient({ adapter, omit }).$extends(encryption)
  type Encrypted = ReturnType<typeof createPrisma>

  @Injectable()
  class Wards {
    readonly #prisma: Encrypted

    constructor(@Inject('PRISMA') prisma: Encrypted) {
      this.#prisma = prisma
    }

    async of(email: string) {
      assertEncrypted(this.#prisma)
      return this.#prisma.patient.findUniqueOrThrow({ where: { email }, select: { ward: true, fullName: true } })
    }
  }

  test('gives a client that encrypts, with all that its extensions add to its type', async () => {
    const app = await Test.createTestingModule({ providers: [{ provide: 'PRISMA', useFactory: createPrisma }, Wards] }).compile()
    await app.init()
    expect(await app.get(Wards).of('ada@example.org')).toEqual({ ward: 'B2', fullName: 'Ada Lovelace' })
    await app.get<Encrypted>('PRISMA').$disconnect()
    await app.close()
  })
})
