import { EnvelopeError } from '../../errors.ts'
import type { KeyProvider } from '../key-provider.ts'
import { abandoned } from './pause.ts'

/** One call of a provider, which ends at `signal`. */
export interface ProviderCall<T> {
  (provider: KeyProvider, signal: AbortSignal): Promise<T>
}

/**
 * One attempt. It ends after `milliseconds` or when `signal` aborts, whatever the provider does; both end the call at its socket.
 *
 * @param discard gets a result that comes after that: what it holds must be zeroed.
 * @throws an `EnvelopeError`, whatever the provider throws.
 */
export async function attempt<T>(
  provider: KeyProvider,
  call: ProviderCall<T>,
  milliseconds: number,
  signal: AbortSignal,
  discard: (result: T) => void,
): Promise<T> {
  if (signal.aborted) throw abandoned()
  const controller = new AbortController()
  let over = false
  let stop = (): void => {}
  const ended = new Promise<never>((_, reject) => {
    const end = (error: EnvelopeError): void => {
      over = true
      reject(error)
      controller.abort()
    }
    const timer = setTimeout(() => end(late(provider, milliseconds)), milliseconds).unref()
    const leave = (): void => end(abandoned())
    signal.addEventListener('abort', leave, { once: true })
    stop = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', leave)
    }
  })
  try {
    const answer = call(provider, controller.signal).then((result) => {
      if (over) discard(result)
      return result
    })
    return await Promise.race([answer, ended])
  } catch (error) {
    throw classed(provider, error)
  } finally {
    stop()
  }
}

function late({ name }: KeyProvider, milliseconds: number): EnvelopeError {
  return new EnvelopeError(
    'TIMEOUT',
    `Key provider ${JSON.stringify(name)} did not answer within ${milliseconds} ms (kms.attemptTimeout); try again, and check that the KMS can be reached from here`,
  )
}

function classed({ name }: KeyProvider, error: unknown): EnvelopeError {
  if (error instanceof EnvelopeError) return error
  return new EnvelopeError(
    'UNAVAILABLE',
    `Key provider ${JSON.stringify(name)} failed; its own error is the cause of this one`,
    {},
    error,
  )
}

/**
 * Whether the connection was lost before there was an answer. So end calls on a connection that was kept open and that the other side, or a NAT or load balancer between, has
 * given up meanwhile: it says nothing of the KMS, and a new connection will do.
 */
export function isConnectionReset(error: EnvelopeError): boolean {
  const { cause } = error
  const code: unknown = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return error.code === 'UNAVAILABLE' && (code === 'ECONNRESET' || code === 'EPIPE')
}
