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
    if (!done.has(attempt) && effects.some(mustShow))
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

function mustShow(effect: Effect): boolean {
  return 'on' in effect || (effect.count ?? 0) > 0
}

/** Does to the rows as they were what was acknowledged, and compares with what the transaction has made of them. */
function differences(changes: readonly Transition[], effects: readonly Effect[]): readonly string[] {
  const problems: string[] = []
  const counted = effects.map(() => 0)
  for (const { id, model, before, after } of changes) {
    let row = before
    effects.forEach((effect, i) => {
      const concerns = 'on' in effect ? effect.on === id : effect.model === model && row !== undefined && effect.where(row)
      if (!concerns) return
      counted[i] = (counted[i] ?? 0) + 1
      row = effect.change(row)
    })
    if (!isDeepStrictEqual(row, after)) {
      problems.push(`${id} was ${inspect(before)}\n    is     ${inspect(after)}\n    not    ${inspect(row)}`)
    }
  }
  effects.forEach((effect, i) => {
    const found = counted[i] ?? 0
    if ('on' in effect) {
      if (found === 0) problems.push(`${effect.on} was not written`)
    } else if (effect.count !== undefined && effect.count !== found) {
      problems.push(`${found} of ${effect.count} rows of ${effect.model} were written`)
    }
  })
  return problems
}

/** A row as text, to be found by. */
export function textOf(row: Row): string {
  return JSON.stringify(row)
}
