import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common'
import type { PrismaPg } from '@prisma/adapter-pg'
import { assertEncrypted, type ManualEnvelope } from 'prisma-envelope'
import { omit, PrismaClient } from '../../support/client.ts'
import { adapter, encryption } from './nest-database.ts'

@Injectable()
export class PrismaService
  extends PrismaClient<{ adapter: PrismaPg; omit: typeof omit }>
  implements OnModuleInit, OnModuleDestroy
{
  declare readonly $envelope: ManualEnvelope

  constructor() {
    super({ adapter, omit })
    return this.$extends(encryption) as unknown as this
  }

  async onModuleInit() {
    assertEncrypted(this)
    await this.$connect()
  }

  async onModuleDestroy() {
    await this.$disconnect()
  }
}
