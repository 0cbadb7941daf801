import { EnvelopeError } from 'prisma-envelope/keys'

/** @throws `CONFIG` where `name` is none that an envelope can hold. */
export function checkedName(name: string): string {
  if (/^[A-Za-z0-9._-]{1,32}$/.test(name)) return name
  throw new EnvelopeError(
    'CONFIG',
    "A key's name is stored in every row: choose 1 to 32 characters of letters, digits, '.', '_' and '-'",
  )
}
