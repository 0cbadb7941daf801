import { readFile } from 'node:fs/promises'
import { KMSClient } from '@aws-sdk/client-kms'
import { awsKms } from '@prisma-envelope/kms/aws'
import type { LocalKms } from '@prisma-envelope/local-kms'
import type { KeyProvider } from 'prisma-envelope'
import { afterAll } from 'vitest'

export type PolicyName =
  | 'administrator'
  | 'command-line'
  | 'index-key-creator'
  | 'inserter'
  | 'reader'
  | 'tenant-reader'
  | 'tenant-writer'
  | 'writer'

export interface Admitted {
  /** The server as this principal reaches it. */
  readonly kms: LocalKms
  readonly client: KMSClient
  /** The key `pii`, or another one, by these credentials. */
  provider(arn: string, name?: string): KeyProvider
}

/** Where the policies of the docs pretend that the keys are. */
const DOCUMENTED = {
  prefix: 'arn:aws:kms:eu-central-1:111122223333:',
  current: 'key/1234abcd-12ab-34cd-56ef-1234567890ab',
  old: 'key/0987dcba-09fe-87dc-65ba-0987654321ab',
}

/** Admits somebody with a policy of `docs/iam`, as it stands there but for the ARNs of the keys. */
export async function admit(kms: LocalKms, name: PolicyName, current: string, old = current): Promise<Admitted> {
  const text = await readFile(new URL(`../../docs/iam/${name}.json`, import.meta.url), 'utf8')
  const policy = JSON.parse(
    text
      .replaceAll(DOCUMENTED.prefix + DOCUMENTED.current, current)
      .replaceAll(DOCUMENTED.prefix + DOCUMENTED.old, old)
      .replaceAll(DOCUMENTED.prefix, `arn:aws:kms:${kms.region}:${kms.accountId}:`),
  ) as object
  const credentials = { accessKeyId: `LOCAL-${name}`, secretAccessKey: `secret of ${name}` }
  kms.admit({ ...credentials, policy })
  const client = new KMSClient({ endpoint: kms.url, region: kms.region, credentials })
  afterAll(() => client.destroy())
  return {
    kms: { ...kms, credentials },
    client,
    provider: (arn, keyName = 'pii') => awsKms({ name: keyName, keyId: arn, client }),
  }
}
