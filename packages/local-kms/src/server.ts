import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { CallLog, type ContextEntry } from './call-log.ts'
import { CONTROL_PATH, control } from './control.ts'
import { exceptionOf, FaultQueue, type Faults } from './faults.ts'
import { answer, answerException, readBody } from './http.ts'
import { createPrincipals, type Principal, type Principals } from './iam/principals.ts'
import { keyArn } from './key-reference.ts'
import { KeyStore } from './key-store.ts'
import { checkedAliasName } from './operations/aliases.ts'
import { beginDueDeletions } from './operations/deletion.ts'
import { isOperationName, type OperationName, operations } from './operations/index.ts'
import { namesOfKeys } from './operations/key-uses.ts'
import type { Service } from './operations/operation.ts'
import { KmsException, notFound } from './protocol/exceptions.ts'
import { parseInput } from './protocol/input.ts'
import { type Credentials, verifySignature } from './protocol/sigv4.ts'

export interface LocalKmsOptions {
  /** 0, the default, takes any free port. The address is always 127.0.0.1. */
  readonly port?: number
  /** Where keys and aliases are kept, in the clear, mode 0600. Without it they end with the server. */
  readonly stateFile?: string
  /** Who may call; default {@link DEVELOPMENT_CREDENTIALS}. The first stand in {@link LocalKms.env}. */
  readonly credentials?: Credentials | readonly Credentials[]
  /** Who else may call, for what a policy allows. Without them everybody who may call may do everything. */
  readonly principals?: readonly Principal[]
  /** Default `us-east-1`. */
  readonly region?: string
  /** 12 digits; default `000000000000`. */
  readonly accountId?: string
  /** Gets one line for each call: operation, status and exception; never contexts, keys or plaintext. */
  readonly log?: (line: string) => void
  /** The server of another Region, which can replicate its multi-Region keys to this one. */
  readonly replicaOf?: LocalKms
  /** Decides faults with a `probability`; default `Math.random`. */
  readonly random?: () => number
  /** Milliseconds since 1970, by which keys are deleted; default `Date.now`. Signatures are checked by the machine's clock. */
  readonly now?: () => number
}

export interface LocalKms {
  /** `http://127.0.0.1:PORT`, the `endpoint` of a KMS client. */
  readonly url: string
  readonly region: string
  readonly accountId: string
  readonly credentials: Credentials
  /** What a process needs in its environment for the AWS SDK to come here. */
  readonly env: Readonly<Record<string, string>>
  /** Calls with a valid signature by operation since the start or {@link LocalKms.resetLog}; a snapshot. */
  readonly calls: Readonly<Partial<Record<OperationName, number>>>
  /** Encryption contexts of the latest calls, oldest first; a snapshot. */
  readonly contexts: readonly ContextEntry[]
  resetLog(): void
  readonly faults: Faults
  /**
   * Lets somebody else call, for what a policy allows. As `principals` of the options, for policies that name keys made meanwhile.
   *
   * @throws TypeError for a policy that can't be evaluated, or an access key id that somebody has
   */
  admit(principal: Principal): void
  /**
   * Makes a key without a call, optionally with an alias such as `alias/app-pii`; an alias that is there keeps its key, which is
   * then returned.
   */
  createKey(alias?: string): Promise<{ readonly id: string; readonly arn: string }>
  /** Ends all connections, hanging ones too, and releases the state file. */
  stop(): Promise<void>
}

export const DEVELOPMENT_CREDENTIALS: Credentials = {
  accessKeyId: 'LOCALKMSDEVELOPMENT0',
  secretAccessKey: 'local-kms-for-development-only',
}

/**
 * Starts a server that speaks the AWS KMS protocol. For development and tests: its keys lie in a file, or nowhere.
 *
 * @throws Error where the port is taken, or the state file is held by another server or damaged.
 */
export async function startLocalKms(options: LocalKmsOptions = {}): Promise<LocalKms> {
  const { port = 0, stateFile, credentials = DEVELOPMENT_CREDENTIALS, region = 'us-east-1', accountId = '000000000000' } = options
  const accepted = 'accessKeyId' in credentials ? [credentials] : credentials
  const [first] = accepted
  if (first === undefined) throw new TypeError('local-kms needs at least one pair of credentials')
  const principals = createPrincipals(accepted)
  for (const principal of options.principals ?? []) principals.admit(principal)
  if (!/^\d{12}$/.test(accountId)) throw new TypeError('accountId must be 12 digits')

  const log = new CallLog()
  const faults = new FaultQueue(options.random ?? Math.random)
  const store = await KeyStore.open(stateFile, options.now ?? Date.now)
  const closing = new AbortController()
  const primary = options.replicaOf === undefined ? undefined : services.get(options.replicaOf)
  const replicas = new Map<string, Service>()
  const service: Region = { store, region, accountId, replicas, ...(primary !== undefined && { primary }) }
  const desk: Desk = { service, principals, log, faults, closing: closing.signal }
  const server = createServer((request, response) => void serve(desk, request, response, options.log))
  const boundPort = await listen(server, port).catch(async (error: unknown) => {
    await store.close()
    throw error
  })
  const url = `http://127.0.0.1:${boundPort}`
  let stopped: Promise<void> | undefined
  primary?.replicas.set(region, service)

  const kms: LocalKms = {
    url,
    region,
    accountId,
    credentials: first,
    env: {
      AWS_ENDPOINT_URL_KMS: url,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: first.accessKeyId,
      AWS_SECRET_ACCESS_KEY: first.secretAccessKey,
      ...(first.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: first.sessionToken }),
    },
    get calls() {
      return log.calls
    },
    get contexts() {
      return log.contexts
    },
    resetLog: () => log.reset(),
    faults,
    admit: (principal) => principals.admit(principal),
    createKey: async (alias) => {
      if (alias !== undefined) checkedAliasName(alias)
      const present = alias === undefined ? undefined : store.aliasTarget(alias)
      const id = present ?? (await store.createKey({ description: '', multiRegion: false })).id
      if (alias !== undefined && present === undefined) {
        await operations.CreateAlias(desk.service, { AliasName: alias, TargetKeyId: id })
      }
      return { id, arn: keyArn(desk.service, id) }
    },
    stop: () => {
      stopped ??= stop(server, closing, store)
      return stopped
    },
  }
  services.set(kms, service)
  return kms
}

type Region = Service & { readonly replicas: Map<string, Service> }

/** What a replica in another Region has to reach. */
const services = new WeakMap<LocalKms, Region>()

interface Desk {
  readonly service: Service
  readonly principals: Principals
  readonly log: CallLog
  readonly faults: FaultQueue
  readonly closing: AbortSignal
}

async function serve(
  desk: Desk,
  request: IncomingMessage,
  response: ServerResponse,
  log?: (line: string) => void,
): Promise<void> {
  let subject = request.url ?? '/'
  try {
    const body = await readBody(request)
    if (subject.startsWith(CONTROL_PATH)) {
      refuseBrowsers(request)
      return answer(response, 200, control(request.method ?? '', subject, body, desk.log, desk.faults))
    }
    const operation = operationOf(request)
    subject = operation
    const output = await call(desk, operation, request, response, body)
    if (output === 'unanswered') return log?.(`${subject} unanswered`)
    answer(response, 200, output)
    log?.(`${subject} 200`)
  } catch (error) {
    const exception = error instanceof KmsException ? error : new KmsException('KMSInternalException', 'local-kms failed.', 500)
    answerException(response, exception)
    log?.(`${subject} ${exception.status} ${exception.name}`)
  }
}

async function call(
  { service, principals, log, faults, closing }: Desk,
  operation: OperationName,
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
): Promise<object | undefined | 'unanswered'> {
  const { method = '', url = '', headersDistinct: headers } = request
  const { credentials } = principals
  const caller = verifySignature({ method, url, headers, body }, { credentials, region: service.region, now: new Date() })
  const input = parseInput(body)
  log.record(operation, input)

  const fault = faults.take(operation, () => namesOfKeys(service, operation, input))
  if (fault?.latencyMs !== undefined) await wait(fault.latencyMs, undefined, { signal: closing }).catch(() => {})
  if (fault?.drop === true) request.socket.resetAndDestroy()
  if (fault?.drop === true || fault?.hang === true || response.destroyed) return 'unanswered'
  const exception = fault && exceptionOf(fault)
  if (exception !== undefined) throw exception
  await beginDueDeletions(service)
  principals.authorize(caller, service, operation, input)
  return operations[operation](service, input)
}

function operationOf(request: IncomingMessage): OperationName {
  const [, operation = ''] = /^TrentService\.(\w+)$/.exec(request.headersDistinct['x-amz-target']?.[0] ?? '') ?? []
  if (request.method !== 'POST' || request.url !== '/' || !isOperationName(operation)) {
    throw new KmsException('UnknownOperationException', 'local-kms does not have this operation.')
  }
  return operation
}

/** A page in the developer's browser could otherwise reach the control path. */
function refuseBrowsers({ headers }: IncomingMessage): void {
  const host = headers.host?.replace(/:\d+$/, '')
  if (headers.origin !== undefined || (host !== '127.0.0.1' && host !== 'localhost')) throw notFound('Not for browsers.')
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

async function stop(server: Server, closing: AbortController, store: KeyStore): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  closing.abort()
  server.closeAllConnections()
  await closed
  await store.close()
}
