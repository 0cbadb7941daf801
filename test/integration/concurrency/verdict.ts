import { inspect, isDeepStrictEqual } from 'node:util'
import type { Effect } from './effects.ts'
import type { Transition } from './history.ts'
import { attemptOf } from './marks.ts'
import type { Row } from './rows.ts'

/** One attempt to do a unit of work that its writer was told to have succeeded. */
export interface Acknowledged {
  readonly what: string
  /** Of its operations. */
  readonly names: readonly string[]
  readonly effects: readonly Effect[]
  /** Rows as they were deleted: what is left of a transaction that wrote nothing else. */
  readonly deleted: readonly Row[]
}

/** The attempt before the first: what was there. */
export const POPULATION = 0

/**
 * Everything that contradicts «what was acknowledged is done, at once, to the rows as they were then; what was not acknowledged is not done».
 *
 * @param acknowledged by the number of the attempt
 */
export function problemsOf(
  transitions: readonly Transition[],
  acknowledged: ReadonlyMap<number, Acknowledged>,
): readonly string[] {
  const problems: string[] = []
  const done = new Set<number>()
  const deletions = new Map<string, number>()
  for (const [attempt, { deleted }] of acknowledged) for (const row of deleted) deletions.set(textOf(row), attempt)

  const transactions = new Map<string, Transition[]>()
  for (const transition of transitions) {
    const changes = transactions.get(transition.transaction)
    if (changes === undefined) transactions.set(transition.transaction, [transition])
    else changes.push(transition)
  }
  for (const changes of transactions.values()) {
    const real = changes.filter(({ before, after }) => !isDeepStrictEqual(before, after))
    if (real.length === 0) continue
    const authors = authorsOf(real, deletions)
    const [attempt, ...others] = authors
    if (attempt === POPULATION && others.length === 0) continue
    const told = attempt === undefined ? undefined : acknowledged.get(attempt)
    if (attempt === undefined || others.length > 0) {
      problems.push(`a transaction of ${authors.length === 0 ? 'nobody' : authors.join(' and ')}: ${inspect(real, { depth: 4 })}`)
    } else if (told === undefined) {
      problems.push(`${attempt} was not acknowledged, and yet has written ${real.map(({ id }) => id).join(', ')}`)
    } else if (done.has(attempt)) {
      problems.push(`${attempt} (${told.what}) has written in two transactions`)
    } else {
      done.add(attempt)
      problems.push(...differences(changes, told.effects).map((problem) => `${attempt} (${told.what}): ${problem}`))
    }
  }
  for (const [attempt, { what, effects }] of acknowledged) {
    if (!done.has(attempt) && mustShow(effects))
      problems.push(`${attempt} (${what}) was acknowledged, and yet has written nothing`)
  }
  return problems
}

function authorsOf(changes: readonly Transition[], deletions: ReadonlyMap<string, number>): readonly number[] {
  const authors = new Set<number>()
  for (const { before, after, deleted } of changes) {
    if (after === undefined) {
      const author = deleted === undefined ? undefined : deletions.get(textOf(deleted))
      if (author !== undefined) authors.add(author)
      continue
    }
    for (const [name, value] of Object.entries(after)) {
      const author = isDeepStrictEqual(value, before?.[name]) ? undefined : attemptOf(value)
      if (author !== undefined) authors.add(author)
    }
  }
  return [...authors]
}

/** Whether the effects leave something behind: rows that were inserted and deleted at once do not. */
function mustShow(effects: readonly Effect[]): boolean {
  const insertedAndDeleted = (id: string): boolean => {
    let row: Row | undefined
    let wasThere = false
    for (const effect of effects) {
      if ('on' in effect && effect.on === id) row = effect.change(row)
      wasThere ||= row !== undefined
    }
    return wasThere && row === undefined
  }
  return effects.some((effect) => ('on' in effect ? !insertedAndDeleted(effect.on) : (effect.count ?? 0) > 0))
}

/** Does to the rows as they were what was acknowledged, and compares with what the transaction has made of them. */
function differences(changes: readonly Transition[], effects: readonly Effect[]): readonly string[] {
  const problems: string[] = []
  const least = effects.map(() => 0)
  const most = effects.map(() => 0)
  const unseen = unseenBy(effects)
  for (const { id, model, before, after } of changes) {
    const outcomes = unseen.map((missed) => replay(id, model, before, effects, missed))
    const fitting = outcomes.filter(({ row }) => isDeepStrictEqual(row, after))
    if (fitting.length === 0) {
      problems.push(`${id} was ${inspect(before)}\n    is     ${inspect(after)}\n    not    ${inspect(outcomes[0]?.row)}`)
    }
    effects.forEach((_, i) => {
      if (fitting.some(({ touched }) => touched.includes(i))) most[i] = (most[i] ?? 0) + 1
      if (fitting.length > 0 && fitting.every(({ touched }) => touched.includes(i))) least[i] = (least[i] ?? 0) + 1
    })
  }
  effects.forEach((effect, i) => {
    const [from, to] = [least[i] ?? 0, most[i] ?? 0]
    if ('on' in effect) {
      if (to === 0) problems.push(`${effect.on} was not written`)
    } else if (effect.count !== undefined && (effect.count < from || effect.count > to)) {
      problems.push(`${from === to ? to : `${from} to ${to}`} of ${effect.count} rows of ${effect.model} were written`)
    }
  })
  return problems
}

interface Outcome {
  readonly row: Row | undefined
  /** Effects that concerned the row. */
  readonly touched: readonly number[]
}

function replay(
  id: string,
  model: string,
  before: Row | undefined,
  effects: readonly Effect[],
  missed: ReadonlySet<number>,
): Outcome {
  let row = before
  const touched: number[] = []
  effects.forEach((effect, i) => {
    const concerns = 'on' in effect ? effect.on === id : effect.model === model && row !== undefined && effect.where(row)
    if (!concerns || missed.has(i)) return
    touched.push(i)
    row = effect.change(row)
  })
  return { row, touched }
}

/**
 * Which operations on many rows may have come too early for a row: somebody else may commit it between two statements of one transaction. None comes first.
 * How many rows such an operation was told to have found must fit all the same.
 */
function unseenBy(effects: readonly Effect[]): readonly ReadonlySet<number>[] {
  const ofMany = effects.flatMap((effect, i) => ('on' in effect || effects.length === 1 ? [] : [i]))
  const sets: (readonly number[])[] = [[]]
  for (const i of ofMany) sets.push(...sets.map((set) => [...set, i]))
  return sets.toSorted((x, y) => x.length - y.length).map((set) => new Set(set))
}

/** A row as text, to be found by. */
export function textOf(row: Row): string {
  return JSON.stringify(row)
}
