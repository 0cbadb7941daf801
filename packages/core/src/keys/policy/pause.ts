import { EnvelopeError } from '../../errors.ts'

/**
 * As all timers of the policy, this one does not keep the process alive: the deadline of those who wait does.
 *
 * @throws `TIMEOUT` as soon as `signal` aborts.
 */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      clearTimeout(timer)
      reject(abandoned())
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', leave)
      resolve()
    }, milliseconds).unref()
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave, { once: true })
  })
}

/** Nobody is left to see it. */
export function abandoned(): EnvelopeError {
  return new EnvelopeError('TIMEOUT', 'Nobody waits for this KMS call any more; try again')
}
