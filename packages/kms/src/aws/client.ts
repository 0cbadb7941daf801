import { KMSClient, type KMSClientConfig } from '@aws-sdk/client-kms'
import { EnvelopeError } from 'prisma-envelope/keys'

export interface OwnClientOptions {
  /** Default: the SDK's usual sources, such as `AWS_REGION` and the profile. */
  readonly region?: string
  /** Default: the SDK's usual sources, such as `AWS_ENDPOINT_URL_KMS`, else AWS's own endpoint. */
  readonly endpoint?: string
  /** Default: the SDK's credential chain. */
  readonly credentials?: NonNullable<KMSClientConfig['credentials']>
  /** Milliseconds for one attempt, waiting for a free connection and connecting included; a last resort, as `kms.attemptTimeout` of prisma-envelope ends attempts earlier. Default 30,000. */
  readonly requestTimeout?: number
  /** Attempts of one call by the SDK. Default 1: the policy of prisma-envelope (`kms` of its options) tries again. */
  readonly maxAttempts?: number
  /** Connections at a time. Default 50, as in the SDK. */
  readonly maxSockets?: number
}

/**
 * A client whose timeouts end the request: the SDK sets none by itself, and its `requestTimeout` alone only logs a warning.
 *
 * @throws `CONFIG` for a number that is none.
 */
export function createClient(options: OwnClientOptions): KMSClient {
  const requestTimeout = positive('requestTimeout', options.requestTimeout ?? 30_000)
  const agent = { keepAlive: true, maxSockets: positive('maxSockets', options.maxSockets ?? 50) }
  return new KMSClient({
    ...(options.region === undefined ? {} : { region: options.region }),
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    maxAttempts: positive('maxAttempts', options.maxAttempts ?? 1),
    requestHandler: {
      requestTimeout,
      throwOnRequestTimeout: true,
      connectionTimeout: requestTimeout,
      // Ends an answer that begins and then stalls, which requestTimeout no longer watches.
      socketTimeout: requestTimeout,
      httpAgent: agent,
      httpsAgent: agent,
    },
  })
}

function positive(option: string, value: number): number {
  if (Number.isInteger(value) && value > 0 && value < 2 ** 31) return value
  throw new EnvelopeError('CONFIG', `awsKms: ${option} must be a whole number above 0`)
}
