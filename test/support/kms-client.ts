import { KMSClient } from '@aws-sdk/client-kms'
import type { LocalKms } from '@prisma-envelope/local-kms'

/** The AWS SDK's client for a local KMS; whoever makes one destroys it. */
export function kmsClient({ url, region, credentials }: LocalKms): KMSClient {
  return new KMSClient({ endpoint: url, region, credentials: { ...credentials } })
}
