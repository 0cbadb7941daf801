import type { ContextOf } from 'prisma-envelope'
import { expect, test } from 'vitest'
import type { Case } from '../grammar/cases.ts'
import { data } from '../grammar/data.ts'
import { nestedToMany } from '../grammar/nested-to-many.ts'
import { nestedToOne } from '../grammar/nested-to-one.ts'
import { operations } from '../grammar/operations.ts'
import { playCases } from '../grammar/played.ts'
import { openStage } from '../grammar/stage.ts'

const CASES: readonly Case[] = [...operations, ...data, ...nestedToMany, ...nestedToOne].filter(({ letter }) => letter !== 'R')

/** Letters move from one context to another with what they are bound to. */
const context: ContextOf = ({ model, bound }, { settings }): Readonly<Record<string, string>> =>
  model === 'Letter' ? { author: bound['authorId'] ?? 'nobody' } : { tenant: settings['tenant'] ?? '' }

const stage = await openStage(() => ({ options: { context }, settings: { tenant: 'village' } }))

test('rows are of several contexts', async () => {
  const contexts = await stage.sql(`SELECT DISTINCT envelope -> 'ctx' AS ctx FROM "Letter"
UNION SELECT DISTINCT sealed_envelope -> 'ctx' FROM persons`)
  expect(contexts.length).toBeGreaterThan(2)
})

playCases(stage, CASES)
