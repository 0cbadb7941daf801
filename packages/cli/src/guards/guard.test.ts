import type { ColumnPlan, EncryptionPlan, ModelPlan } from 'prisma-envelope/rows'
import { expect, it } from 'vitest'
import { guardsOf } from './guard.ts'

const search = { index: 'i', normalize: [], scope: [] }

function planOf(column: Omit<ColumnPlan, 'column'>, placeholder: EncryptionPlan['placeholder'], more: object = {}): ModelPlan {
  return {
    table: { name: 'T', identity: 'T' },
    columns: {
      a: { ...column, column: 'a', encrypted: { identity: 'a', placeholder, ...more } },
      b: { type: 'Int', column: 'b', encrypted: { identity: 'b', placeholder: 0 } },
      sealed: { type: 'Json', column: 'e' },
    },
    relations: {},
    primaryKey: [],
    uniques: [],
    envelope: { field: 'sealed', column: 'e', bind: [] },
  }
}

const conditions: [string, ModelPlan][] = [
  [`("a"::text COLLATE "C") = '*'`, planOf({ type: 'String' }, '*')],
  [`("a"::text COLLATE "C") = 'it''s'`, planOf({ type: 'String' }, "it's")],
  [`("a"::text COLLATE "C") = '*'`, planOf({ type: 'String', native: { name: 'Char', args: [4] } }, '*   ')],
  [`("a"::text COLLATE "C") = '*'`, planOf({ type: 'String', native: { name: 'Citext', args: [] } }, '*')],
  [
    `"a" = '00000000-0000-0000-0000-000000000000'`,
    planOf({ type: 'String', native: { name: 'Uuid', args: [] } }, '00000000-0000-0000-0000-000000000000'),
  ],
  [
    `("a"::text COLLATE "C") ~ '^~[A-Za-z0-9_-]{4}[.][A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$'`,
    planOf({ type: 'String' }, '*', { search }),
  ],
  [`"a" = '0'`, planOf({ type: 'Int' }, 0)],
  [`"a" = 'false'`, planOf({ type: 'Boolean' }, false)],
  [`"a" = '1970-01-01T00:00:00.000Z'`, planOf({ type: 'DateTime' }, '1970-01-01T00:00:00.000Z')],
  [`"a" = '{}'`, planOf({ type: 'Json' }, [{}])],
  [`"a"::jsonb = '{}'`, planOf({ type: 'Json', native: { name: 'Json', args: [] } }, [{}])],
  [`"a" =  E'\\\\x'`, planOf({ type: 'Bytes' }, '')],
  [`"a" = 'very calm'`, planOf({ type: 'Enum', values: { CALM: 'very calm' } }, 'very calm')],
  [`cardinality("a") = 0`, planOf({ type: 'String', list: true }, [])],
]

it.each(conditions)('guards a column by %s', (condition, plan) => {
  expect(guardsOf(plan, new Set(['a'])).map((guard) => [guard.name, guard.condition])).toEqual([
    ['envelope_guard_T_a', `"a" IS NULL OR ${condition}`],
    ['envelope_guard_T_e', `"e" IS NOT NULL AND jsonb_typeof("e" -> 'ct') IS NOT DISTINCT FROM 'string'`],
  ])
})

it('tells guards of other definitions apart by their comments', () => {
  const comments = conditions.map(([, plan]) => guardsOf(plan, new Set(['a']))[0]?.comment)
  expect(new Set(comments).size).toBe(new Set(conditions.map(([condition]) => condition)).size)
})
