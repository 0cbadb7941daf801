import type { EncryptedClient } from '../../support/encrypted-client.ts'
import type { Nulls } from '../../support/twins.ts'
import type { Line } from './lines.ts'

/** Stands in every value that is encrypted, so that no such value can hide in the database or in an error. */
export const MARKER = 'sekret'

/** A value to encrypt. */
export const m = (text: string): string => `${MARKER}-${text}`

/** What each client knows only its own of. */
export interface Own extends Nulls {
  readonly skip: object
}

type Call = (db: EncryptedClient, own: Own) => Promise<unknown>

interface Named {
  readonly line: Line
  readonly name: string
  readonly call: Call
}

/** T: equality of tokens. E: encrypts. `same`: is passed through. All of them have to answer what plain Prisma answers. */
interface Answered extends Named {
  readonly letter: 'T' | 'E' | 'same'
}

/** R: throws, and names the place. */
interface Refused extends Named {
  readonly letter: 'R'
  readonly error: { readonly code: string; readonly model: string; readonly field: string; readonly operation: string }
}

export type Case = Answered | Refused

const answered =
  (letter: Answered['letter']) =>
  (line: Line, name: string, call: Call): Case => ({ letter, line, name, call })

export const token = answered('T')
export const encrypted = answered('E')
export const same = answered('same')

type Delegate = Record<string, (args: unknown) => Promise<unknown>>

/**
 * A call that ciphertext can't answer.
 *
 * @param place `Model.field` that the error names.
 * @param args of `operation` on `model`, which Prisma's types need not allow.
 */
export function refused(
  line: Line,
  name: string,
  place: string,
  [model, operation]: readonly [model: string, operation: string],
  args: object | ((db: EncryptedClient) => object),
  code = 'UNSUPPORTED',
): Case {
  const [named = '', field = ''] = place.split('.')
  const call: Call = (db) => {
    const delegate = Reflect.get(db, model) as Delegate
    const given = typeof args === 'function' ? args(db) : args
    return delegate[operation]?.(given) ?? Promise.reject(new Error(`no operation ${operation}`))
  }
  return { letter: 'R', line, name, call, error: { code, model: named, field, operation } }
}
