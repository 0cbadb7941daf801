import { describe, expect, test } from 'vitest'
import { removed, set, setAll, upserted } from './effects.ts'
import type { Transition } from './history.ts'
import { markOf } from './marks.ts'
import { newPerson } from './population.ts'
import { idOf, type Row } from './rows.ts'
import { type Acknowledged, problemsOf } from './verdict.ts'

const text = (attempt: number) => markOf(attempt, 0).text
const rowOf = (id: string, attempt: number, more: Row = {}): Row => ({
  ...newPerson(id, `${id}@example.org`, text(attempt)),
  ...more,
})

function transition(transaction: number, before: Row | undefined, after: Row | undefined): Transition {
  const id = idOf('Person', before ?? after ?? {})
  return { transaction: String(transaction), model: 'Person', id, before, after }
}

const told = (effects: Acknowledged['effects'], deleted: readonly Row[] = []): Acknowledged => ({
  what: 'something',
  names: ['something'],
  effects,
  deleted,
})

const start = [transition(1, undefined, rowOf('a', 0)), transition(1, undefined, rowOf('b', 0))]
const first = transition(2, rowOf('a', 0), rowOf('a', 1, { rank: 1 }))
const second = transition(3, rowOf('a', 1, { rank: 1 }), rowOf('a', 2, { rank: 2 }))
const both = [transition(4, rowOf('a', 2, { rank: 2 }), rowOf('a', 3, { rank: 2 })), transition(4, rowOf('b', 0), rowOf('b', 3))]
const gone = { ...transition(5, rowOf('b', 3), undefined), deleted: rowOf('b', 3) }
const history = [...start, first, second, ...both, gone]

const acknowledged = new Map<number, Acknowledged>([
  [1, told([set('Person', 'a', { name: text(1) }, 'rank')])],
  [2, told([set('Person', 'a', { name: text(2) }, 'rank')])],
  [3, told([setAll('Person', () => true, { name: text(3) }, undefined, 2)])],
  [4, told([removed('Person', 'b')], [rowOf('b', 3)])],
])
const without = (attempt: number) => new Map([...acknowledged].filter(([number]) => number !== attempt))

test('the verdict on a history of what was acknowledged is that nothing is wrong', () => {
  expect(problemsOf(history, acknowledged)).toEqual([])
})

test('a row that was inserted and deleted at once need not show, but one that was only changed must', () => {
  const inserted = upserted('Person', 'c', rowOf('c', 6), { name: text(6) })
  expect(problemsOf(history, new Map([...acknowledged, [6, told([inserted, removed('Person', 'c')])]]))).toEqual([])
  const changed = told([set('Person', 'c', { name: text(6) }), removed('Person', 'c')])
  expect(problemsOf(history, new Map([...acknowledged, [6, changed]])).join()).toMatch(/yet has written nothing/)
})

describe('the verdict is that something is wrong, where', () => {
  const cases: readonly [string, readonly Transition[], ReadonlyMap<number, Acknowledged>, RegExp][] = [
    ['an acknowledged write is not there', [...start, first, ...both, gone], acknowledged, /yet has written nothing/],
    ['a write that nobody was told of is there', history, without(2), /not acknowledged/],
    ['a deletion that nobody was told of is there', history, without(4), /nobody/],
    [
      'a write has put back what another one changed',
      [...start, first, transition(3, rowOf('a', 1, { rank: 1 }), rowOf('a', 2, { rank: 1 }))],
      new Map([...acknowledged].slice(0, 2)),
      /Person a was/,
    ],
    ['a write of two rows is there of one only', [...start, first, second, both[0] as Transition], without(4), /1 of 2 rows/],
    [
      'what was acknowledged as one is there in two transactions',
      [...start, first, second, both[0] as Transition, { ...(both[1] as Transition), transaction: '9' }],
      without(4),
      /two transactions/,
    ],
    [
      'one transaction holds what two wrote',
      [...start, first, { ...transition(2, rowOf('b', 0), rowOf('b', 2)) }],
      acknowledged,
      /a transaction of 1 and 2/,
    ],
    [
      'a row was written that nobody meant',
      [...start, first, transition(2, rowOf('b', 0), rowOf('b', 1))],
      without(2),
      /Person b was/,
    ],
  ]
  test.each(cases)('%s', (_, transitions, writes, problem) => {
    expect(problemsOf(transitions, writes).join('\n')).toMatch(problem)
  })
})
