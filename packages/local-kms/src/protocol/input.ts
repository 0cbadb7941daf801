import { constraint, serialization, validation } from './exceptions.ts'

/** An operation's JSON input, read field by field. Absent and `null` are the same, as in AWS JSON 1.1. */
export type Input = Readonly<Record<string, unknown>>
export type EncryptionContext = Readonly<Record<string, string>>

/** @throws KmsException `SerializationException` */
export function parseInput(body: Uint8Array): Input {
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    throw serialization('The request body is not JSON.')
  }
  if (!isRecord(parsed)) throw serialization('The request body is not a JSON object.')
  return parsed
}

/** @throws KmsException `SerializationException` for another type. */
export function optionalText(input: Input, name: string): string | undefined {
  const value = read(input, name)
  if (value !== undefined && typeof value !== 'string') throw serialization(`${name} is not a string.`)
  return value
}

/** @throws KmsException `ValidationException` where it is absent or longer than `maxLength` characters. */
export function requiredText(input: Input, name: string, maxLength: number): string {
  const value = optionalText(input, name)
  if (value === undefined) throw constraint(camelCase(name), 'not be null')
  if (value === '') throw constraint(camelCase(name), 'have length greater than or equal to 1')
  if (value.length > maxLength) throw constraint(camelCase(name), `have length less than or equal to ${maxLength}`)
  return value
}

/** @throws KmsException `ValidationException` where it is absent, empty or longer than `maxLength` bytes. */
export function bytes(input: Input, name: string, maxLength: number): Buffer {
  const value = optionalText(input, name)
  if (value === undefined) throw constraint(camelCase(name), 'not be null')
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value)) {
    throw serialization(`${name} is not base64.`)
  }
  const decoded = Buffer.from(value, 'base64')
  if (decoded.length === 0) throw constraint(camelCase(name), 'have length greater than or equal to 1')
  if (decoded.length > maxLength) throw constraint(camelCase(name), `have length less than or equal to ${maxLength}`)
  return decoded
}

/** @throws KmsException `ValidationException` outside `min` … `max`. */
export function optionalInteger(input: Input, name: string, min: number, max: number): number | undefined {
  const value = read(input, name)
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isInteger(value)) throw serialization(`${name} is not an integer.`)
  if (value < min) throw constraint(camelCase(name), `have value greater than or equal to ${min}`)
  if (value > max) throw constraint(camelCase(name), `have value less than or equal to ${max}`)
  return value
}

export function flag(input: Input, name: string): boolean {
  const value = read(input, name)
  if (value !== undefined && typeof value !== 'boolean') throw serialization(`${name} is not a boolean.`)
  return value ?? false
}

/** The context of a symmetric operation; an absent one equals an empty one. At most 8,192 characters in all, as AWS documents. */
export function encryptionContext(input: Input, name = 'EncryptionContext'): EncryptionContext {
  const value = read(input, name) ?? {}
  if (!isStringMap(value)) throw serialization(`${name} is not a map of strings.`)
  const size = Object.entries(value).reduce((sum, [key, entry]) => sum + key.length + entry.length, 0)
  if (size > 8192) throw validation('EncryptionContext must not exceed 8192 characters.')
  return value
}

function read(input: Input, name: string): unknown {
  return Object.hasOwn(input, name) ? (input[name] ?? undefined) : undefined
}

function isStringMap(value: unknown): value is EncryptionContext {
  return isRecord(value) && Object.values(value).every((entry) => typeof entry === 'string')
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const camelCase = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1)
