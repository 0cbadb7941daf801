import { join } from 'node:path'
import { awsKms } from '@prisma-envelope/kms/aws'
import { startLocalKms } from '@prisma-envelope/local-kms'
import type { KeyProvider } from 'prisma-envelope'
import type { Cleanup } from './cleanup.ts'

export interface Kms {
  readonly provider: KeyProvider
  /** Calls by operation so far. */
  calls(): Readonly<Record<string, number>>
  /** Where it comes from, for the reader. */
  readonly origin: string
}

const ALIAS = 'alias/patients'

/** The KMS that the environment names, else a local-kms with its keys in a temporary folder. */
export async function openKms(cleanup: Cleanup): Promise<Kms> {
  // Not the reader's concern: the AWS SDK announces which Node it will need in years to come.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
  const { AWS_ENDPOINT_URL_KMS: endpoint, KMS_KEY_ID: keyId } = process.env
  if (endpoint && keyId) return externalKms(endpoint, keyId)
  const server = await startLocalKms({ stateFile: join(await cleanup.temporaryFolder('kms'), 'keys.json') })
  cleanup.add(() => server.stop())
  await server.createKey(ALIAS)
  const { url, region, credentials } = server
  return {
    provider: awsKms({ name: 'pii', keyId: ALIAS, endpoint: url, region, credentials }),
    calls: () => ({ ...server.calls }),
    origin: `local-kms at ${url}, key ${ALIAS}`,
  }
}

/** Nobody but the caller can count the calls to a KMS that others use too. */
function externalKms(endpoint: string, keyId: string): Kms {
  const calls: Record<string, number> = {}
  const counted = (operation: string): void => {
    calls[operation] = (calls[operation] ?? 0) + 1
  }
  const kms = awsKms({ name: 'pii', keyId })
  const provider: KeyProvider = {
    name: kms.name,
    generateDataKey(...call) {
      counted('GenerateDataKey')
      return kms.generateDataKey(...call)
    },
    wrap(...call) {
      counted('Encrypt')
      return kms.wrap(...call)
    },
    unwrap(...call) {
      counted('Decrypt')
      return kms.unwrap(...call)
    },
  }
  return { provider, calls: () => ({ ...calls }), origin: `the KMS at ${endpoint}, key ${keyId}` }
}
