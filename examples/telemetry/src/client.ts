import { PrismaPg } from '@prisma/adapter-pg'
import { type EnvelopeOptions, envelopeEncryption } from 'prisma-envelope'
import { models, omit } from '../../patients/generated/envelope/index.ts'
import { Prisma, PrismaClient } from '../../patients/generated/prisma/client.ts'

/** A client that tells `onAccess` of every row. */
export function createClient(
  { url, schema }: { readonly url: string; readonly schema: string },
  options: Pick<EnvelopeOptions, 'keys' | 'indexKey' | 'onAccess'>,
) {
  const adapter = new PrismaPg({ connectionString: url }, { schema })
  return new PrismaClient({ adapter, omit }).$extends(envelopeEncryption({ Prisma, models, ...options }))
}
