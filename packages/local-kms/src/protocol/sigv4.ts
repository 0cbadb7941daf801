import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { KmsException } from './exceptions.ts'

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Set for temporary credentials: requests must then carry it as `X-Amz-Security-Token`. */
  readonly sessionToken?: string
}

export interface SignedRequest {
  readonly method: string
  /** Path and query as they came over the wire. */
  readonly url: string
  /** Lower-case names, each with all its values. */
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>
  readonly body: Uint8Array
}

export interface Expected {
  readonly credentials: readonly Credentials[]
  readonly region: string
  readonly now: Date
}

const ALGORITHM = 'AWS4-HMAC-SHA256'
const MAX_SKEW_MS = 5 * 60_000

/**
 * Verifies AWS Signature Version 4 in the `Authorization` header, with AWS's order of checks and names of exceptions.
 * The payload hash is always computed from the body that arrived, never taken from a header.
 *
 * @returns whose credentials signed it
 * @throws KmsException `MissingAuthenticationTokenException`, `IncompleteSignatureException`, `InvalidSignatureException` or
 *   `UnrecognizedClientException`.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function verifySignature(request: SignedRequest, { credentials, region, now }: Expected): Credentials {
  const authorization = parseAuthorization(header(request, 'authorization'))
  const stamp = timestamp(request)
  checkSkew(stamp, now)
  checkSignedHeaders(request, authorization.signedHeaders)
  const { accessKeyId, scope } = checkScope(authorization.credential, stamp, region)

  const known = credentials.find((candidate) => candidate.accessKeyId === accessKeyId)
  if (known === undefined || header(request, 'x-amz-security-token') !== known.sessionToken) {
    throw new KmsException('UnrecognizedClientException', 'The security token included in the request is invalid.')
  }
  const stringToSign = [ALGORITHM, stamp, scope, sha256(canonicalRequest(request, authorization.signedHeaders))].join('\n')
  const signature = hmac(signingKey(known.secretAccessKey, scope), stringToSign)
  const given = Buffer.from(authorization.signature, 'hex')
  if (given.length !== signature.length || !timingSafeEqual(given, signature)) {
    throw invalid(
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.',
    )
  }
  return known
}

interface Authorization {
  readonly credential: string
  readonly signedHeaders: readonly string[]
  readonly signature: string
}

function parseAuthorization(value: string | undefined): Authorization {
  if (value === undefined) throw new KmsException('MissingAuthenticationTokenException', 'Missing Authentication Token')
  const [algorithm = '', ...rest] = value.trim().split(' ')
  if (algorithm !== ALGORITHM) throw incomplete(`Unsupported AWS 'algorithm': '${algorithm}' (only ${ALGORITHM} for now).`)
  const parameters = new Map<string, string>()
  for (const part of rest.join('').split(',')) {
    const at = part.indexOf('=')
    if (at > 0) parameters.set(part.slice(0, at), part.slice(at + 1))
  }
  const read = (name: string): string => {
    const found = parameters.get(name)
    if (!found) throw incomplete(`Authorization header requires '${name}' parameter.`)
    return found
  }
  return { credential: read('Credential'), signedHeaders: read('SignedHeaders').split(';'), signature: read('Signature') }
}

function timestamp(request: SignedRequest): string {
  const stamp = header(request, 'x-amz-date')
  if (stamp === undefined) throw incomplete("Authorization header requires existence of an 'X-Amz-Date' header.")
  if (!/^\d{8}T\d{6}Z$/.test(stamp)) throw incomplete("Date must be in ISO-8601 'basic format'.")
  return stamp
}

function checkSkew(stamp: string, now: Date): void {
  const signed = Date.parse(stamp.replace(/(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z/, '$1-$2-$3T$4:$5:$6Z'))
  if (Number.isNaN(signed)) throw incomplete("Date must be in ISO-8601 'basic format'.")
  const basic = (time: number): string => new Date(time).toISOString().replace(/[-:]|\.\d+/g, '')
  const earliest = now.getTime() - MAX_SKEW_MS
  const latest = now.getTime() + MAX_SKEW_MS
  if (signed < earliest) {
    throw invalid(`Signature expired: ${stamp} is now earlier than ${basic(earliest)} (${basic(now.getTime())} - 5 min.)`)
  }
  if (signed > latest) {
    throw invalid(`Signature not yet current: ${stamp} is still later than ${basic(latest)} (${basic(now.getTime())} + 5 min.)`)
  }
}

/** What decides the meaning of a request must be signed, else a signature could be moved to another operation. */
function checkSignedHeaders(request: SignedRequest, signed: readonly string[]): void {
  if (!signed.includes('host')) throw invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
  for (const name of ['x-amz-date', 'x-amz-target', 'x-amz-security-token']) {
    if (request.headers[name] !== undefined && !signed.includes(name)) {
      throw invalid(`'${name}' must be a 'SignedHeader' in the AWS Authorization.`)
    }
  }
}

function checkScope(credential: string, stamp: string, region: string): { accessKeyId: string; scope: string } {
  const parts = credential.split('/')
  const [accessKeyId = '', date, scopeRegion, service, terminator] = parts
  if (parts.length !== 5) {
    throw incomplete('Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.')
  }
  if (date !== stamp.slice(0, 8)) {
    throw invalid('Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.')
  }
  if (scopeRegion !== region) throw invalid(`Credential should be scoped to a valid region (this server is '${region}').`)
  if (service !== 'kms') throw invalid("Credential should be scoped to correct service: 'kms'.")
  if (terminator !== 'aws4_request') throw invalid("Credential should be scoped with a valid terminator: 'aws4_request'.")
  return { accessKeyId, scope: parts.slice(1).join('/') }
}

function canonicalRequest(request: SignedRequest, signed: readonly string[]): string {
  const [path = '/', query = ''] = request.url.split('?', 2)
  const headers = signed.map((name) => {
    const values = (request.headers[name] ?? []).map((value) => value.trim().replace(/ +/g, ' '))
    return `${name}:${values.join(',')}\n`
  })
  return [
    request.method,
    path,
    query.split('&').toSorted().join('&'),
    headers.join(''),
    signed.join(';'),
    sha256(request.body),
  ].join('\n')
}

function signingKey(secret: string, scope: string): Buffer {
  return scope.split('/').reduce<Buffer>((key, part) => hmac(key, part), Buffer.from(`AWS4${secret}`))
}

function header(request: SignedRequest, name: string): string | undefined {
  return request.headers[name]?.[0]
}

const hmac = (key: Uint8Array, data: string): Buffer => createHmac('sha256', key).update(data).digest()
const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex')
const incomplete = (message: string): KmsException => new KmsException('IncompleteSignatureException', message)
const invalid = (message: string): KmsException => new KmsException('InvalidSignatureException', message)
