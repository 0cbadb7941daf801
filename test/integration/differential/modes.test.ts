import type { Mode, ModeOption } from 'prisma-envelope'
import { test } from 'vitest'
import { models } from '../../support/client.ts'
import { compareWithPlain, patience, runs, seed } from './compare.ts'
import type { Setting } from './sides.ts'

/** Modes that change from each encrypted field of a model to the next. */
function alternating(...modes: readonly Mode[]): ModeOption {
  const fields = Object.entries(models).flatMap(([model, { columns }]) =>
    Object.entries(columns)
      .filter(([, column]) => 'encrypted' in column)
      .map(([field], i) => [`${model}.${field}`, modes[i % modes.length] as Mode] as const),
  )
  return Object.fromEntries(fields)
}

const settings: Readonly<Record<string, Setting>> = {
  'in mode `dual`': { clients: ['dual'], starter: 'dual', hides: true, forms: true },
  'in mode `plain`': { clients: ['plain'], starter: 'plain', hides: false, forms: true },
  'in mode `dual`, of rows that begin in the clear': {
    clients: ['dual'],
    starter: 'unextended',
    hides: false,
    forms: true,
  },
  'in mode `plain`, of rows that begin sealed': { clients: ['plain'], starter: 'strict', hides: false, forms: true },
  'in the modes `dual` and `plain` in turn': {
    clients: ['dual', 'plain'],
    starter: 'unextended',
    hides: false,
    forms: true,
  },
  'in modes that differ from field to field, and change': {
    clients: [alternating('dual', 'plain'), alternating('plain', 'dual')],
    starter: 'unextended',
    hides: false,
    forms: true,
  },
  'in other modes for further fields of strict models': {
    clients: [alternating('strict', 'dual'), alternating('strict', 'plain')],
    starter: 'strict',
    hides: false,
    forms: true,
  },
}

test.each(Object.entries(settings))(
  `does what plain Prisma does %s, in ${runs} histories from seed ${seed}`,
  { timeout: patience },
  (_, setting) => compareWithPlain(setting),
)
