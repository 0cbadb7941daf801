import { readFile } from 'node:fs/promises'
import { PrismaPg } from '@prisma/adapter-pg'
import fc from 'fast-check'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compileCodec, compileColumnText } from '../../packages/core/src/values/index.ts'
import { createDatabase } from '../support/database.ts'
import { execute } from '../support/migrations.ts'
import { valueOf } from './arbitraries.ts'
import { type Column, lists, scalars } from './columns.ts'
import { Prisma, PrismaClient } from './generated/client.ts'

const SETTINGS = { DateStyle: 'ISO, YMD', TimeZone: 'UTC', bytea_output: 'hex', extra_float_digits: '1' }

let client: PrismaClient
let sql: postgres.Sql

beforeAll(async () => {
  const { url } = await createDatabase('column_text', 'plain')
  await execute(url, await readFile(new URL('schema.sql', import.meta.url), 'utf8'))
  client = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: 1 }) })
  sql = postgres(url, { max: 1, fetch_types: false, connection: SETTINGS })
})

afterAll(async () => {
  await client.$disconnect()
  await sql.end()
})

const title = ({ name, plan }: Column) => `${plan.list === true ? 'list ' : ''}${name}`

/** Prisma Client reads no lists of citext. */
const columns = [...scalars, ...lists.filter(({ native }) => native !== 'Citext')]

describe('what PostgreSQL prints for a column', () => {
  it.each(columns.map((column) => [title(column), column] as const))(
    '%s is parsed as what Prisma Client reads there, and printed as it was',
    async (_, { name, type, native, plan }) => {
      const inList = plan.list === true
      const given = valueOf({ name, type, native, plan }, inList)
      const [text, codec] = [compileColumnText(plan), compileCodec('Values', name, plan, Prisma)]
      const shown = `"${plan.column}"`
      const printed = async (id: number): Promise<string> => {
        const query = `SELECT ${inList ? `to_json(${shown}::text[])` : shown} FROM "Values" WHERE id = ${id}`
        const [row] = await sql.unsafe(query).raw()
        return String((row as unknown as [Buffer])[0])
      }
      await fc.assert(
        fc.asyncProperty(inList ? fc.array(given, { maxLength: 4 }) : given, async (value) => {
          const { id, ...row } = (await client.values.create({ data: { [name]: value } })) as { id: number } & Record<
            string,
            unknown
          >
          const before = await printed(id)
          // Rounded up to it; Prisma Client reads it as 00:00:00.
          fc.pre(!before.includes('24:00:00'))
          const parsed = text.parse(before, false)
          // Prisma Client reads JSON null as null, and takes it under another name.
          const read = type === 'Json' && !inList && row[name] === null ? Prisma.JsonNull : row[name]
          expect(parsed).toEqual(codec.encode(read))
          await sql.unsafe(`UPDATE "Values" SET ${shown} = $1::text::${await typeOf(plan.column)} WHERE id = ${id}`, [
            text.print(parsed),
          ])
          const after = await printed(id)
          expect(text.parse(after, false)).toEqual(parsed)
          // A numeric without a scale keeps zeros that no decimal of Prisma's has.
          expect(name.startsWith('numeric') || after).toBe(name.startsWith('numeric') || before)
        }),
        { numRuns: 15 },
      )
    },
  )
})

async function typeOf(column: string): Promise<string> {
  const [row] = await sql.unsafe(
    `SELECT format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = '"Values"'::regclass AND attname = '${column}'`,
  )
  return String(row?.['type'])
}
