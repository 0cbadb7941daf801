import { awsKms } from '@prisma-envelope/kms/aws'
import { startLocalKms } from '@prisma-envelope/local-kms'
import { createIndexKey } from 'prisma-envelope'
import { runCli } from './cli.ts'
import { kmsClient } from './kms-client.ts'

/** Lets the database refuse plaintext in every encrypted column of the test schema, as a user would. */
export async function guardAll(databaseUrl: string): Promise<void> {
  const kms = await startLocalKms()
  const client = kmsClient(kms)
  try {
    const { arn } = await kms.createKey()
    const indexKey = await createIndexKey({ current: awsKms({ name: 'pii', keyId: arn, client }) })
    const { code, out, err } = await runCli({ databaseUrl, kms, keys: { pii: arn }, indexKeys: [indexKey] }, ['guard', '--apply'])
    if (code !== 0) throw new Error(`the guards were not added: ${out}${err}`)
  } finally {
    client.destroy()
    await kms.stop()
  }
}
