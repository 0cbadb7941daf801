import { EnvelopeError } from './errors.ts'
import { isInTransaction, type ParentClient } from './prisma-internals.ts'
import type { ManualEnvelope } from './rewrite/manual.ts'

/**
 * `$envelope`, which is a function and has functions.
 *
 * @param carry makes a client whose operations carry settings
 */
export function settable(
  functions: Pick<ManualEnvelope, keyof ManualEnvelope>,
  carry: (client: ParentClient, settings: unknown) => object,
): ManualEnvelope {
  function $envelope(this: unknown, settings: unknown): unknown {
    if (typeof this !== 'object' || this === null) {
      throw new EnvelopeError('CONFIG', '`$envelope(settings)` must be called as a method of the client')
    }
    if (isInTransaction(this)) {
      const way = 'open the transaction on `prisma.$envelope(settings)`, or use `withEnvelopeSettings(settings, callback)` within'
      throw new EnvelopeError('UNSUPPORTED', `the client of an interactive transaction takes no settings: ${way}`)
    }
    return carry(this as ParentClient, settings)
  }
  return Object.assign($envelope, functions) as ManualEnvelope
}
