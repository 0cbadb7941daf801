import { Prisma } from '../../support/client.ts'
import type { ModelName, Values } from './ledger.ts'
import type { Random } from './random.ts'

/** What a row of each model consists of, beside its key and what it belongs to. */
export const FIELDS = {
  Patient: ['email', 'ssn', 'fullName', 'birthDate', 'history', 'notes', 'ward'],
  Condition: ['code', 'description', 'severity'],
  Member: ['email', 'nickname', 'role'],
} as const satisfies Readonly<Record<ModelName, readonly string[]>>

const NULLABLE = new Set(['ssn', 'birthDate', 'history', 'notes', 'severity', 'nickname'])
const FIRST_DAY = Date.UTC(1900, 0)
const MINUTE = 60_000
/** More than any writer does. */
const OPERATIONS = 1_000_000

/** The number of a writer's operation, which is part of all that it writes. */
export function operationName(writer: number, number: number): string {
  return `w${writer}.${number}`
}

/** Values that no other operation writes, but for null, and numbers that are not encrypted. */
export function valuesOf(writer: number, number: number, fields: readonly string[], random: Random): Values {
  const mark = operationName(writer, number)
  const made: Readonly<Record<string, unknown>> = {
    email: `W${writer}.${number}@Example.org`,
    ssn: `ssn of ${mark}`,
    fullName: `Zoë of ${mark}`,
    birthDate: new Date(FIRST_DAY + (writer * OPERATIONS + number) * MINUTE),
    history: { by: mark, allergies: ['péanuts', null, 1.5] },
    notes: `*${mark}* ${'long '.repeat(random.below(40))}`,
    ward: mark,
    code: `code ${mark}`,
    description: `of ${mark}`,
    severity: number,
    nickname: `nick ${mark}`,
    role: mark,
  }
  return Object.fromEntries(
    fields.map((field) => [field, NULLABLE.has(field) && random.chance(0.2) ? null : (made[field] ?? null)]),
  )
}

/** As Prisma Client takes them. */
export function inputOf<Given extends Values>(values: Given): Given {
  return 'history' in values && values['history'] === null ? { ...values, history: Prisma.DbNull } : values
}
