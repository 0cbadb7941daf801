import { isContext } from './envelope/format.ts'
import { EnvelopeError } from './errors.ts'
import { sameContext } from './keys/context.ts'
import {
  anyContext,
  type PermittedContexts,
  type RowContext,
  type RowIdentity,
  type RowOperation,
  type RowPolicy,
} from './rewrite/row-context.ts'

/** The option `context`. Is called for each row that is sealed or opened, and must not be asynchronous. */
export type ContextOf = (
  row: RowIdentity,
  operation: RowOperation,
) => RowContext | readonly (RowContext | undefined)[] | typeof anyContext | undefined

/** The option `key`. Is called for each row that is sealed, and must not be asynchronous. */
export type KeyOf = (row: RowIdentity, operation: RowOperation) => string | undefined

const NONE: RowContext = Object.freeze({})
const NO_CONTEXT: readonly RowContext[] = Object.freeze([NONE])

/**
 * The options `context` and `key`, with what they return checked.
 *
 * @param sealing names of the keys that may seal
 * @returns undefined where neither is given
 */
export function rowPolicy(
  { context, key }: { readonly context: ContextOf | undefined; readonly key: KeyOf | undefined },
  sealing: readonly string[],
): RowPolicy | undefined {
  if (context === undefined && key === undefined) return undefined
  const checked = contextCheck()
  return {
    contextsOf:
      context &&
      ((row, operation) =>
        permitted(
          called('context', () => context(row, operation)),
          checked,
        )),
    keyOf:
      key &&
      ((row, operation) =>
        keyName(
          called('key', () => key(row, operation)),
          sealing,
        )),
    isSame: (own, held) => isContext(held) && sameContext(own, held),
  }
}

function called(option: 'context' | 'key', call: () => unknown): unknown {
  let returned: unknown
  try {
    returned = call()
  } catch (error) {
    throw new EnvelopeError('CONFIG', `\`${option}\` threw an error`, {}, error)
  }
  if (typeof returned !== 'object' || returned === null || typeof Reflect.get(returned, 'then') !== 'function') return returned
  // Nobody waits for it: if it fails, that must not end the process.
  Promise.resolve(returned).catch(() => {})
  throw new EnvelopeError(
    'CONFIG',
    `\`${option}\` must be synchronous, but returned a promise: have what it needs in the settings`,
  )
}

function permitted(returned: unknown, checked: (context: unknown) => RowContext): PermittedContexts {
  if (returned === undefined) return NO_CONTEXT
  if (returned === anyContext) return anyContext
  if (!Array.isArray(returned)) return [checked(returned)]
  if (returned.length > 0) return returned.map((each: unknown) => (each === undefined ? NONE : checked(each)))
  throw new EnvelopeError('CONFIG', '`context` returned an empty list: return undefined or {} for no context')
}

/** Rows that are sealed or read together are mostly of one context: its copy is used again. */
function contextCheck(): (context: unknown) => RowContext {
  let last: RowContext = NONE
  return (context) => {
    // Prisma Client loses this name where it reads JSON, and the row with it.
    if (!isContext(context) || Object.hasOwn(context, '__proto__')) {
      throw new EnvelopeError(
        'CONFIG',
        '`context` must return an object of non-empty strings, without U+0000, 8192 bytes in all; names must not begin with "prisma-envelope" or "aws:", nor be "__proto__"',
      )
    }
    if (!sameContext(last, context)) last = Object.freeze({ ...context })
    return last
  }
}

function keyName(returned: unknown, sealing: readonly string[]): string | undefined {
  if (returned === undefined) return undefined
  if (typeof returned === 'string' && sealing.includes(returned)) return returned
  throw new EnvelopeError('CONFIG', `\`key\` must return the name of a key that seals (${sealing.join(', ')}), or undefined`)
}
