import { describe, expect, it } from 'vitest'
import type { Models } from './model.ts'
import { RawSqlCheck } from './raw-sql.ts'

const field = (name: string, column: string) => ({ name, column: { column } })
const models = new Map([
  [
    'Patient',
    {
      name: 'Patient',
      plan: { table: { name: 'patients' }, columns: { envelope: { column: 'sealed' } } },
      sealing: { field: 'envelope', encrypted: [field('email', 'email'), field('fullName', 'Full "name"')] },
    },
  ],
  [
    'where',
    {
      name: 'where',
      plan: { table: { name: 'where' }, columns: { envelope: { column: 'sealed' } } },
      sealing: { field: 'envelope', encrypted: [field('select', 'select')] },
    },
  ],
  ['Ward', { name: 'Ward', plan: { table: { name: 'wards' }, columns: {} }, sealing: undefined }],
]) as unknown as Models

const isRefused = (args: unknown): boolean => {
  try {
    new RawSqlCheck('throw', models).check('$queryRaw', args)
    return false
  } catch {
    return true
  }
}

describe('the text of raw SQL names an encrypted column', () => {
  it.each([
    'SELECT "select" FROM "where"',
    'SELECT email FROM patients',
    'select "email" from "patients"',
    'SELECT "Full ""name""" FROM public.patients',
    'SELECT * FROM patients',
    'SELECT p.* FROM patients p JOIN wards w ON true',
    'UPDATE patients SET EMAIL = $1',
    'DELETE FROM patients WHERE sealed IS NULL RETURNING id',
    'WITH p AS (TABLE patients) SELECT email FROM p',
    'INSERT INTO patients VALUES ($1, $2)',
    'insert into public."patients" SELECT $1, $2',
    'DO $$ BEGIN UPDATE patients SET email = NULL; END $$',
    "SELECT email -- the patient's\nFROM patients WHERE ward = 'B2'",
    "SELECT /* don't */ email FROM patients WHERE ward = 'B2'",
    String.raw`SELECT E'it\'s', email FROM patients WHERE ward = 'B2'`,
    "SELECT 'it''s', email FROM patients",
  ])('in %s', (text) => {
    expect(isRefused([text])).toBe(true)
  })

  it.each([
    'SELECT id FROM wards WHERE id = 1',
    'SELECT ward FROM patients',
    'SELECT count(*) FROM patients',
    'SELECT count( * ) FROM patients',
    'SELECT email FROM wards',
    'SELECT * FROM wards',
    'INSERT INTO patients (id, ward) VALUES ($1, $2)',
    "SELECT ward FROM patients WHERE note = 'email'",
    'SELECT ward FROM patients -- email',
    'SELECT ward /* email, * */ FROM patients',
    'SELECT emails FROM patients',
    '',
  ])('but not in %s', (text) => {
    expect(isRefused([text])).toBe(false)
  })
})

describe('the text of raw SQL is found', () => {
  const text = 'SELECT email FROM patients'

  it('in the arguments of the unsafe forms', () => {
    expect(isRefused([text, 'a value'])).toBe(true)
  })

  it('in Prisma.sql and tagged templates', () => {
    expect(isRefused({ strings: ['SELECT email FROM patients WHERE id = ', ''], values: [1] })).toBe(true)
    expect(isRefused({ strings: ['SELECT ward FROM patients WHERE id = ', ''], values: ['email'] })).toBe(false)
  })

  it('in typed SQL', () => {
    expect(isRefused({ sql: text, values: [] })).toBe(true)
  })
})
