import { randomUUID } from 'node:crypto'
import { CreateAliasCommand, CreateKeyCommand, KMSClient, ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms'
import { type ContextEntry, type Fault, startLocalKms } from '@prisma-envelope/local-kms'

/**
 * The KMS that the tests of the AWS adapter run against: the server at `AWS_ENDPOINT_URL_KMS` where that is set, else a local-kms of
 * their own. Both are reached over HTTP alone.
 */
export interface KmsUnderTest {
  readonly url: string
  readonly region: string
  readonly accountId: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string }
  /** Where nothing but the SDK's usual sources says where the KMS is. */
  readonly env: Readonly<Record<string, string>>
  /** Why neither faults nor calls can be asked for; undefined where they can. */
  readonly noControl: string | undefined
  createKey(): Promise<{ readonly id: string; readonly arn: string }>
  /** An alias of its own, begun with `hint`, that names `keyId`. */
  createAlias(hint: string, keyId: string): Promise<string>
  calls(): Promise<Readonly<Record<string, number>>>
  contexts(): Promise<readonly ContextEntry[]>
  resetLog(): Promise<void>
  inject(fault: Fault): Promise<void>
  clearFaults(): Promise<void>
  /** Keys that were made are scheduled for deletion where the server outlives the tests. */
  stop(): Promise<void>
}

export async function kmsUnderTest(): Promise<KmsUnderTest> {
  const endpoint = process.env['AWS_ENDPOINT_URL_KMS']
  if (endpoint === undefined || endpoint === '') {
    const local = await startLocalKms({ accountId: '111122223333' })
    return reach(local.url, local.region, local.credentials, () => local.stop())
  }
  const sessionToken = process.env['AWS_SESSION_TOKEN']
  const credentials = {
    accessKeyId: given('AWS_ACCESS_KEY_ID'),
    secretAccessKey: given('AWS_SECRET_ACCESS_KEY'),
    ...(sessionToken === undefined ? {} : { sessionToken }),
  }
  return reach(endpoint, given('AWS_REGION'), credentials)
}

async function reach(
  url: string,
  region: string,
  credentials: KmsUnderTest['credentials'],
  stopServer?: () => Promise<void>,
): Promise<KmsUnderTest> {
  const client = new KMSClient({ endpoint: url, region, credentials })
  const made: string[] = []
  const createKey = async (): Promise<{ id: string; arn: string }> => {
    const { KeyMetadata } = await client.send(new CreateKeyCommand({ Description: 'Made by a test of prisma-envelope' }))
    const { KeyId: id = '', Arn: arn = '' } = KeyMetadata ?? {}
    made.push(id)
    return { id, arn }
  }
  const accountId = (await createKey()).arn.split(':')[4] ?? ''
  const noControl = await reasonForNoControl(url)
  return {
    url,
    region,
    accountId,
    credentials,
    env: {
      AWS_ENDPOINT_URL_KMS: url,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      ...(credentials.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: credentials.sessionToken }),
    },
    noControl,
    createKey,
    async createAlias(hint, keyId) {
      const name = `alias/${hint}-${randomUUID()}`
      await client.send(new CreateAliasCommand({ AliasName: name, TargetKeyId: keyId }))
      return name
    },
    calls: async () => (await control(url, 'GET', 'calls')) as Record<string, number>,
    contexts: async () => (await control(url, 'GET', 'contexts')) as readonly ContextEntry[],
    async resetLog() {
      if (noControl === undefined) await control(url, 'DELETE', 'calls')
    },
    async inject(fault) {
      await control(url, 'POST', 'faults', fault)
    },
    async clearFaults() {
      if (noControl === undefined) await control(url, 'DELETE', 'faults')
    },
    async stop() {
      if (stopServer === undefined) {
        const deletions = made.map((KeyId) => client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 })))
        await Promise.allSettled(deletions)
      }
      client.destroy()
      await stopServer?.()
    },
  }
}

/** Only local-kms has its control path; AWS and others answer something else, or nothing that is JSON. */
async function reasonForNoControl(url: string): Promise<string | undefined> {
  const reason = `${url} is no local-kms: it neither injects faults nor tells of its calls`
  const response = await fetch(new URL('/_local/calls', url)).catch(() => undefined)
  return response?.status === 200 && response.headers.get('content-type') === 'application/x-amz-json-1.1' ? undefined : reason
}

async function control(url: string, method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(new URL(`/_local/${path}`, url), { method, ...(body ? { body: JSON.stringify(body) } : {}) })
  if (response.status !== 200) throw new Error(`${method} ${path} of local-kms: ${await response.text()}`)
  return response.json()
}

function given(name: string): string {
  const value = process.env[name]
  if (value === undefined || value === '') throw new Error(`with AWS_ENDPOINT_URL_KMS, the tests need ${name} too`)
  return value
}
