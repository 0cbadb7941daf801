import { describe, expect, test } from 'vitest'
import { expectRefusal } from '../support/refused.ts'
import type { Case } from './grammar/cases.ts'
import { data } from './grammar/data.ts'
import { nestedToMany } from './grammar/nested-to-many.ts'
import { nestedToOne } from './grammar/nested-to-one.ts'
import { operations } from './grammar/operations.ts'
import { playCases } from './grammar/played.ts'
import { reads } from './grammar/reads.ts'
import { type Cast, openStage } from './grammar/stage.ts'
import { where } from './grammar/where.ts'

/** What tells equal values apart that stand in several forms is refused, and has tests of its own. */
const COMPARING: ReadonlySet<string> = new Set(['distinct.string', 'distinct.array', 'nested.distinct', 'groupBy.by'])

const CASES: readonly Case[] = [...where, ...operations, ...reads, ...data, ...nestedToMany, ...nestedToOne].filter(
  ({ letter, line }) => letter !== 'R' && !COMPARING.has(line),
)

/** Every other row is of another kind than the client itself writes. */
const casts: Record<string, (indexKeys: readonly [string, string]) => Cast> = {
  'tokens of two index keys': ([a, b]) => ({
    options: { indexKey: { current: b, others: [a] } },
    settlers: { indexKey: { current: a } },
    movers: { indexKey: { current: b, others: [a] } },
  }),
  'plaintext and ciphertext, in mode dual': () => ({
    options: { mode: 'dual' },
    settlers: { mode: 'plain' },
    movers: { mode: 'dual' },
  }),
  'ciphertext and plaintext, in mode plain': () => ({
    options: { mode: 'plain' },
    settlers: { mode: 'dual' },
    movers: { mode: 'plain' },
  }),
  'plaintext and tokens of another index key, in mode dual': ([a, b]) => ({
    options: { mode: 'dual', indexKey: { current: b, others: [a] } },
    settlers: { mode: 'plain' },
    movers: { mode: 'dual', indexKey: { current: a, others: [b] } },
  }),
}

describe.each(Object.entries(casts))('where rows hold %s, does what plain Prisma does:', async (_, castOf) => {
  const stage = await openStage(castOf)
  const { encrypted, sql } = stage

  test('rows are of two kinds', async () => {
    const rows = await sql(
      `SELECT CASE WHEN email LIKE '~%' THEN left(email, 5) ELSE '' END AS kind, count(*) FROM persons GROUP BY 1`,
    )
    expect(rows).toHaveLength(2)
  })

  playCases(stage, CASES)

  test('refuses to tell equal values apart', async () => {
    const { db } = encrypted
    const calls = [
      () => db.person.findMany({ distinct: ['email'] }),
      () => db.person.groupBy({ by: ['email'] }),
      () => db.person.findMany({ include: { staff: { distinct: 'email' } } }),
    ]
    for (const call of calls) await expectRefusal(sql, call, { code: 'UNSUPPORTED', model: 'Person', field: 'email' })
  })
})
