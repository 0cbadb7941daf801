import type { TestDatabase } from '../../support/database.ts'
import { MODELS, type ModelName } from './ledger.ts'

/** By the database's names. */
export interface Table {
  readonly model: ModelName
  readonly name: string
  readonly key: string
  readonly envelope: string
  readonly searchable: readonly string[]
}

export const TABLES: Readonly<Record<ModelName, Table>> = {
  Patient: { model: 'Patient', name: '"Patient"', key: 'id', envelope: 'envelope', searchable: ['email', 'ssn'] },
  Condition: {
    model: 'Condition',
    name: 'conditions',
    key: 'condition_id',
    envelope: 'condition_envelope',
    searchable: ['code_text'],
  },
  Member: { model: 'Member', name: '"Member"', key: 'id', envelope: 'envelope', searchable: ['email'] },
}

/** A condition on each table as `t`. */
export type Conditions = Readonly<Record<ModelName, string>>

export function inEach(condition: (table: Table) => string): Conditions {
  return { Patient: condition(TABLES.Patient), Condition: condition(TABLES.Condition), Member: condition(TABLES.Member) }
}

/** Met by rows of which anything is in plain. */
export const PLAINTEXT: Conditions = {
  Patient: `envelope IS NULL OR email NOT LIKE '~%' OR ssn NOT LIKE '~%' OR "fullName" <> '*' OR "birthDate" <> 'epoch' OR history <> '{}' OR notes <> '*'`,
  Condition: `condition_envelope IS NULL OR code_text NOT LIKE '~%' OR descr <> '*'`,
  Member: `envelope IS NULL OR email NOT LIKE '~%' OR nickname <> '*'`,
}

export async function countWhere({ sql }: TestDatabase, conditions: Conditions): Promise<number> {
  const counts = await Promise.all(
    MODELS.map((model) =>
      sql<{ n: number }>(`SELECT count(*)::int AS n FROM ${TABLES[model].name} AS t WHERE ${conditions[model]}`),
    ),
  )
  return counts.reduce((sum, [row]) => sum + (row?.n ?? 0), 0)
}

const nameOfCopy = ({ name }: Table): string => `${name.replaceAll(/\W/g, '')}_before`

/** Notes what every row is sealed as. @returns what is met by rows that still are. */
export async function noteSealed({ sql }: TestDatabase): Promise<Conditions> {
  for (const table of Object.values(TABLES))
    await sql(
      `CREATE TABLE ${nameOfCopy(table)} AS SELECT ${table.key} AS key, ${table.envelope} ->> 'ct' AS ct FROM ${table.name}`,
    )
  return inEach(
    (table) =>
      `EXISTS (SELECT FROM ${nameOfCopy(table)} AS b WHERE b.key = t.${table.key} AND b.ct = t.${table.envelope} ->> 'ct')`,
  )
}
