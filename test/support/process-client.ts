import { KMSClient } from '@aws-sdk/client-kms'
import { awsKms } from '@prisma-envelope/kms/aws'
import { type EnvelopeOptions, envelopeEncryption } from 'prisma-envelope'
import { adapterOf, models, omit, Prisma, PrismaClient } from './client.ts'

/** The extended client of a process of its own, which `own-process.ts` has started. */
export function clientOfProcess(options: Partial<EnvelopeOptions> = {}) {
  const { DATABASE = '', KEY = '', INDEX_KEY = '' } = process.env
  const bare = new PrismaClient({ adapter: adapterOf(DATABASE), omit })
  const keys = { current: awsKms({ name: 'pii', keyId: KEY, client: new KMSClient() }) }
  return {
    bare,
    prisma: bare.$extends(envelopeEncryption({ Prisma, models, keys, indexKey: { current: INDEX_KEY }, ...options })),
  }
}
