import { inspect } from 'node:util'
import { EnvelopeError, type EnvelopeErrorCode } from 'prisma-envelope'
import { expect } from 'vitest'
import type { TestDatabase } from './database.ts'

type Sql = TestDatabase['sql']

/** Every row of every table, as text. */
export async function contentsOf(sql: Sql): Promise<Record<string, readonly string[]>> {
  const tables = await sql<{ name: string }>(`SELECT relname AS name FROM pg_stat_user_tables ORDER BY 1`)
  const contents: [string, readonly string[]][] = []
  for (const { name } of tables) {
    const rows = await sql<{ row: string }>(`SELECT t::text AS row FROM "${name}" t ORDER BY 1`)
    contents.push([name, rows.map(({ row }) => row)])
  }
  return Object.fromEntries(contents)
}

/** The error of a call that must fail and must leave the database as it is. */
export async function failureOf(sql: Sql, call: () => Promise<unknown>): Promise<Error & Record<string, unknown>> {
  const before = await contentsOf(sql)
  const error: unknown = await call().then(
    (result) => expect.fail(`it returned ${inspect(result)}`),
    (thrown: unknown) => thrown,
  )
  expect(await contentsOf(sql)).toEqual(before)
  return error as Error & Record<string, unknown>
}

/** Wants a typed error, nothing written, and no `secret` in anything that a log may show of the error. */
export async function expectRefusal(
  sql: Sql,
  call: () => Promise<unknown>,
  expected: { readonly code: EnvelopeErrorCode; readonly [property: string]: unknown },
  secret?: string,
): Promise<EnvelopeError> {
  const error = await failureOf(sql, call)
  expect(error).toBeInstanceOf(EnvelopeError)
  expect(error).toMatchObject(expected)
  if (secret !== undefined) {
    expect(error.message).not.toContain(secret)
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain(secret)
  }
  return error as unknown as EnvelopeError
}

/** Freezes plain objects and arrays through and through: whoever writes to them throws. */
export function deepFrozen<T>(value: T): T {
  if (
    Array.isArray(value) ||
    (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype)
  ) {
    for (const inner of Object.values(value)) deepFrozen(inner)
    Object.freeze(value)
  }
  return value
}
