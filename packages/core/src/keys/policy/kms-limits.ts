import { EnvelopeError } from '../../errors.ts'
import { MAX_MILLISECONDS, wholeNumber } from '../limits.ts'

/** `kms` of the options. */
export interface KmsOptions {
  /** Milliseconds for one attempt of a call. Default 1,500, or 80 % of a shorter `deadline`. */
  readonly attemptTimeout?: number
  /** Attempts of a call that fails by what may pass; 1 for no retries. Default Infinity: as many as the deadline has time for. */
  readonly maxAttempts?: number
  /** KMS calls of this client under way at the same time. Default 25: the AWS SDK opens 50 sockets. */
  readonly maxConcurrent?: number
  /**
   * KMS calls of this client in a second, retries included; at most a tenth of it at once. Default Infinity. AWS KMS counts requests by
   * account and Region (AWS KMS Developer Guide, "Request quotas"), so that all clients together must stay below its quota.
   */
  readonly callsPerSecond?: number
  readonly breaker?: BreakerOptions
}

export interface BreakerOptions {
  /** Failures in a row after which a KMS key is not asked for a while. Default 5; Infinity for never. */
  readonly failures?: number
  /** Milliseconds for which it is not asked; then one call tries. Default 1,000. */
  readonly openFor?: number
}

export interface KmsLimits {
  readonly attemptTimeout: number
  readonly maxAttempts: number
  readonly maxConcurrent: number
  readonly callsPerSecond: number
  readonly breaker: Required<BreakerOptions>
}

const KNOWN: readonly string[] = [
  'attemptTimeout',
  'maxAttempts',
  'maxConcurrent',
  'callsPerSecond',
  'breaker',
] satisfies (keyof KmsOptions)[]
const KNOWN_OF_BREAKER: readonly string[] = ['failures', 'openFor'] satisfies (keyof BreakerOptions)[]

/**
 * @param deadline milliseconds of one operation's KMS work.
 * @throws `CONFIG`
 */
export function kmsLimits(options: KmsOptions = {}, deadline: number): KmsLimits {
  refuseUnknown('kms', options, KNOWN)
  const {
    attemptTimeout = defaultAttemptTimeout(deadline),
    maxAttempts = Infinity,
    maxConcurrent = 25,
    callsPerSecond = Infinity,
    breaker = {},
  } = options
  refuseUnknown('kms.breaker', breaker, KNOWN_OF_BREAKER)
  const { failures = 5, openFor = 1_000 } = breaker
  wholeNumber(
    'kms.attemptTimeout',
    attemptTimeout,
    1,
    deadline,
    `: an attempt has no more time than the operation, whose deadline is ${deadline}`,
  )
  if (maxAttempts !== Infinity) wholeNumber('kms.maxAttempts', maxAttempts, 1, 2 ** 24)
  if (maxConcurrent !== Infinity) wholeNumber('kms.maxConcurrent', maxConcurrent, 1, 2 ** 24)
  if (typeof callsPerSecond !== 'number' || !(callsPerSecond > 0)) {
    throw new EnvelopeError('CONFIG', `kms.callsPerSecond must be a number above 0, or Infinity, not ${String(callsPerSecond)}`)
  }
  if (failures !== Infinity) wholeNumber('kms.breaker.failures', failures, 1, 2 ** 24)
  wholeNumber('kms.breaker.openFor', openFor, 1, MAX_MILLISECONDS)
  return Object.freeze({
    attemptTimeout,
    maxAttempts,
    maxConcurrent,
    callsPerSecond,
    breaker: Object.freeze({ failures, openFor }),
  })
}

/** Short of the deadline, so that a KMS that hangs is known for it, not only operations that gave up. */
function defaultAttemptTimeout(deadline: number): number {
  return Math.max(1, Math.min(1_500, Math.floor(deadline * 0.8)))
}

function refuseUnknown(option: string, value: object, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null) throw new EnvelopeError('CONFIG', `${option} must be an object`)
  const unknown = Object.keys(value).find((name) => !known.includes(name))
  if (unknown !== undefined)
    throw new EnvelopeError('CONFIG', `${option} has no option ${unknown}; known are ${known.join(', ')}`)
}
