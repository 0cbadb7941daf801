import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { afterAll, inject } from 'vitest'
import { urlOf } from './database-url.ts'
import { execute } from './migrations.ts'

export interface TestDatabase {
  readonly url: string
  /** What SQL sees, past Prisma and the extension. */
  sql<Row extends Record<string, unknown> = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Row[]>
}

type Schema = 'encrypted' | 'plain' | 'guarded'

/** What a test gets that does not say: a project of the suite runs some tests with guards, to show that the extension writes nothing that they refuse. */
const usual: Schema = process.env['TEST_GUARDS'] === 'on' ? 'guarded' : 'encrypted'

/**
 * A fresh database with all migrations applied, dropped when the test file ends. Call it at the top of a test file or `describe`,
 * or in its `beforeAll`.
 *
 * @param hint part of the database's name, to be recognised in logs
 * @param schema `plain` gives the same tables without envelope columns, `guarded` those that refuse plaintext
 */
export async function createDatabase(hint: string, schema: Schema = usual): Promise<TestDatabase> {
  const { server, templates } = inject('postgres')
  const name = `${hint.toLowerCase().replace(/\W+/g, '_').slice(0, 40)}_${randomBytes(4).toString('hex')}`
  await execute(server, `CREATE DATABASE "${name}" TEMPLATE "${templates[schema]}"`)
  const url = urlOf(server, name)
  const connections = postgres(url, { max: 4, onnotice: () => {} })
  afterAll(async () => {
    await connections.end()
    await execute(server, `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`)
  })
  return {
    url,
    sql: async <Row extends Record<string, unknown>>(text: string, values: readonly unknown[] = []) =>
      Array.from(await connections.unsafe<Row[]>(text, [...values] as postgres.ParameterOrJSON<never>[])),
  }
}
