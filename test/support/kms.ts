import { awsKms } from '@prisma-envelope/kms/aws'
import { type LocalKms, startLocalKms } from '@prisma-envelope/local-kms'
import { createIndexKey, type KeyProvider } from 'prisma-envelope'
import { afterAll } from 'vitest'
import { kmsClient } from './kms-client.ts'

export interface TestKms {
  /** Counts calls, logs contexts, injects faults. */
  readonly server: LocalKms
  /** The AWS adapter over HTTP, of a fresh key named `pii`. */
  readonly provider: KeyProvider
  /** ARN of that key. */
  readonly arn: string
  /** What `indexKey` of the extension's options takes. */
  readonly indexKey: { readonly current: string; readonly others: readonly string[] }
}

/** A KMS with one key and a wrapped index key, stopped when the test file ends. Its log starts empty. */
export async function startKms(): Promise<TestKms> {
  const server = await startLocalKms()
  const client = kmsClient(server)
  afterAll(async () => {
    client.destroy()
    await server.stop()
  })
  const { arn } = await server.createKey('alias/app-pii')
  const provider = awsKms({ name: 'pii', keyId: arn, client })
  const current = await createIndexKey({ current: provider })
  server.resetLog()
  return { server, provider, arn, indexKey: { current, others: [] } }
}
