import { envelopeEncryption } from 'prisma-envelope'
import { adapterOf, models, Prisma } from '../../support/client.ts'
import { createDatabase } from '../../support/database.ts'
import { startKms } from '../../support/kms.ts'

/** What the services of a test file share. */
export const database = await createDatabase('nest')
const { provider, indexKey } = await startKms()

export const adapter = adapterOf(database.url)
export const encryption = envelopeEncryption({ Prisma, models, keys: { current: provider }, indexKey })
