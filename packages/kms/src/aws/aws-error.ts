import { EnvelopeError, type EnvelopeErrorCode } from 'prisma-envelope/keys'

interface Meaning {
  readonly code: EnvelopeErrorCode
  readonly reason: string
}

const UNKNOWN: Meaning = {
  code: 'KEY_UNKNOWN',
  reason:
    'AWS KMS does not know the key; check keyId, Region and account, and that the key that wrapped this row is in the keyring',
}
const DISABLED: Meaning = {
  code: 'KEY_DISABLED',
  reason: 'The KMS key is disabled, pending deletion or otherwise not usable; enable it, or cancel its deletion',
}
const DENIED: Meaning = {
  code: 'ACCESS_DENIED',
  reason:
    'AWS KMS refuses the credentials; allow them kms:GenerateDataKey to seal, kms:Decrypt to open or kms:Encrypt to rewrap, on this key and under this context',
}
const NO_CREDENTIALS: Meaning = {
  code: 'ACCESS_DENIED',
  reason: 'The AWS credentials are missing, wrong or expired; check the environment, the profile or the role, and the clock',
}
const UNOPENABLE: Meaning = {
  code: 'CANNOT_OPEN',
  reason: 'AWS KMS does not open the wrapped key: it is altered, or was wrapped under another context',
}
const THROTTLED: Meaning = {
  code: 'THROTTLED',
  reason: 'AWS KMS throttles; try again later, cache longer, or ask AWS for a higher request quota',
}
const UNAVAILABLE: Meaning = { code: 'UNAVAILABLE', reason: 'AWS KMS does not answer as it should; try again later' }
const UNREACHABLE: Meaning = {
  code: 'UNAVAILABLE',
  reason: 'AWS KMS can not be reached; check the network, the Region and AWS_ENDPOINT_URL_KMS',
}
const LATE: Meaning = { code: 'TIMEOUT', reason: 'AWS KMS did not answer in time; try again later, or raise requestTimeout' }
const MISCONFIGURED: Meaning = {
  code: 'CONFIG',
  reason:
    'AWS KMS does not accept the request; its own error is the cause of this one: check keyId, Region, endpoint and context',
}

/** Throttling is an HTTP 400, as is every refusal: the name alone tells errors of AWS apart. */
const BY_NAME: Readonly<Record<string, Meaning>> = {
  NotFoundException: UNKNOWN,
  IncorrectKeyException: UNKNOWN,
  DisabledException: DISABLED,
  KMSInvalidStateException: DISABLED,
  AccessDeniedException: DENIED,
  NotAuthorizedException: DENIED,
  OptInRequired: DENIED,
  UnrecognizedClientException: NO_CREDENTIALS,
  InvalidClientTokenId: NO_CREDENTIALS,
  InvalidSignatureException: NO_CREDENTIALS,
  SignatureDoesNotMatch: NO_CREDENTIALS,
  IncompleteSignature: NO_CREDENTIALS,
  IncompleteSignatureException: NO_CREDENTIALS,
  MissingAuthenticationToken: NO_CREDENTIALS,
  MissingAuthenticationTokenException: NO_CREDENTIALS,
  ExpiredToken: NO_CREDENTIALS,
  ExpiredTokenException: NO_CREDENTIALS,
  RequestExpired: NO_CREDENTIALS,
  CredentialsProviderError: NO_CREDENTIALS,
  TokenProviderError: NO_CREDENTIALS,
  InvalidCiphertextException: UNOPENABLE,
  Throttling: THROTTLED,
  ThrottlingException: THROTTLED,
  ThrottledException: THROTTLED,
  RequestLimitExceeded: THROTTLED,
  LimitExceededException: THROTTLED,
  TooManyRequestsException: THROTTLED,
  KMSInternalException: UNAVAILABLE,
  DependencyTimeoutException: UNAVAILABLE,
  KeyUnavailableException: UNAVAILABLE,
  ServiceUnavailable: UNAVAILABLE,
  ServiceUnavailableException: UNAVAILABLE,
  InternalFailure: UNAVAILABLE,
  TimeoutError: LATE,
  AbortError: LATE,
  RequestTimeout: LATE,
  ValidationException: MISCONFIGURED,
  InvalidArnException: MISCONFIGURED,
  InvalidKeyUsageException: MISCONFIGURED,
  UnknownOperationException: MISCONFIGURED,
  UnsupportedOperationException: MISCONFIGURED,
  SerializationException: MISCONFIGURED,
}

/** Translates what the AWS SDK throws; `aborted` says whether the caller's signal ended the call. */
export function asEnvelopeError(error: unknown, aborted: boolean): EnvelopeError {
  if (error instanceof EnvelopeError) return error
  const { code, reason } = aborted ? LATE : meaningOf(error)
  return new EnvelopeError(code, reason, {}, safeCause(error))
}

/** Whether AWS refused a signature for its time alone. */
export function isClockSkew(error: unknown): boolean {
  const { name, message } = traits(error)
  if (name === 'RequestExpired' || name === 'RequestTimeTooSkewed') return true
  return name === 'InvalidSignatureException' && /^Signature (expired|not yet current)/.test(message)
}

function meaningOf(error: unknown): Meaning {
  const { name, message, code, status } = traits(error)
  // The SDK calls these TimeoutError too, although nobody waited.
  if (code === 'ECONNRESET' || code === 'EPIPE') return UNREACHABLE
  if (Object.hasOwn(BY_NAME, name)) return BY_NAME[name] ?? UNAVAILABLE
  if (message === 'Region is missing') return MISCONFIGURED
  if (status === 429) return THROTTLED
  if (status !== undefined) return status >= 400 && status < 500 ? MISCONFIGURED : UNAVAILABLE
  return code === undefined ? UNAVAILABLE : UNREACHABLE
}

/**
 * A copy of the AWS error without what hangs on it: `$response` leads to the raw bodies of answer and request, and both can hold
 * a key in the clear. So can the message of an error that is no exception of AWS and no network error: JSON.parse quotes what it
 * could not parse. Of such an error only the name is kept.
 */
function safeCause(error: unknown): Error {
  const { name, message, code, status, requestId } = traits(error)
  const known = Object.hasOwn(BY_NAME, name) || name.endsWith('Exception') || code !== undefined
  const cause = new Error(known || message === 'Region is missing' ? message : 'The answer of AWS KMS could not be read')
  return Object.assign(cause, {
    name,
    ...(code === undefined ? {} : { code }),
    ...(status === undefined ? {} : { $metadata: { httpStatusCode: status, ...(requestId === undefined ? {} : { requestId }) } }),
  })
}

interface Traits {
  readonly name: string
  readonly message: string
  readonly code: string | undefined
  readonly status: number | undefined
  readonly requestId: string | undefined
}

function traits(error: unknown): Traits {
  if (!(error instanceof Error)) return { name: 'Error', message: '', code: undefined, status: undefined, requestId: undefined }
  const metadata: unknown = '$metadata' in error ? error.$metadata : undefined
  return {
    name: error.name,
    message: error.message,
    code: 'code' in error && typeof error.code === 'string' ? error.code : undefined,
    status: property(metadata, 'httpStatusCode', 'number'),
    requestId: property(metadata, 'requestId', 'string'),
  }
}

function property(holder: unknown, name: string, type: 'number'): number | undefined
function property(holder: unknown, name: string, type: 'string'): string | undefined
function property(holder: unknown, name: string, type: string): unknown {
  if (typeof holder !== 'object' || holder === null) return undefined
  const value: unknown = Reflect.get(holder, name)
  return typeof value === type ? value : undefined
}
