import { isDeepStrictEqual } from 'node:util'
import type { EncryptedClient } from '../../support/encrypted-client.ts'
import { set } from './effects.ts'
import { markOf } from './marks.ts'
import type { Operation } from './operations.ts'
import { COUNTER, type Db } from './population.ts'
import { columnsOf, type Row } from './rows.ts'
import { STRICTEST, type Unit } from './units.ts'
import type { Acknowledged } from './verdict.ts'

/** What a client that only reads and writes needs to be of. */
export type Client = Pick<EncryptedClient, keyof Db | '$transaction'>

/** The writer's own change of mind. */
const rollBack = new Error('rolled back')

interface Done {
  readonly operation: Operation
  readonly at: number
  readonly result: unknown
}

/**
 * Tries once to do a unit of work.
 *
 * @returns what it has done; undefined where the writer has rolled it back.
 * @throws what the client throws.
 */
export async function attempt(client: Client, unit: Unit, number: number): Promise<Acknowledged | undefined> {
  switch (unit.kind) {
    case 'operation': {
      const [operation] = unit.operations
      if (operation === undefined) throw new Error('a unit without an operation')
      return acknowledged(number, [{ operation, at: 0, result: await operation.run(client, markOf(number, 0)) }])
    }
    case 'batch': {
      const results = await client.$transaction(unit.operations.map((operation, at) => operation.run(client, markOf(number, at))))
      return acknowledged(
        number,
        unit.operations.map((operation, at) => ({ operation, at, result: results[at] })),
      )
    }
    case 'interactive':
      return interactive(client, unit, number)
    case 'counter':
      return count(client, number)
  }
}

async function interactive(
  client: Client,
  { operations, isolationLevel, rollBack: changesMind }: Unit & { readonly kind: 'interactive' },
  number: number,
): Promise<Acknowledged | undefined> {
  const work = async (tx: Db): Promise<readonly Done[]> => {
    const done: Done[] = []
    for (const [at, operation] of operations.entries()) {
      done.push({ operation, at, result: await operation.run(tx, markOf(number, at)) })
    }
    if (changesMind) throw rollBack
    return done
  }
  try {
    const done = await client.$transaction((tx) => work(tx as unknown as Db), { isolationLevel })
    return acknowledged(number, done)
  } catch (error) {
    if (error === rollBack) return undefined
    throw error
  }
}

async function count(client: Client, number: number): Promise<Acknowledged> {
  const { text } = markOf(number, 0)
  const where = { id: COUNTER }
  const age = await client.$transaction(
    async (tx) => {
      const before = await tx.person.findUniqueOrThrow({ where })
      const next = Number(before.age) + 1
      await tx.person.update({ where, data: { age: next, name: text } })
      return next
    },
    { isolationLevel: STRICTEST },
  )
  const step = set('Person', COUNTER, { name: text }, 'age')
  return { what: `counted to ${age}`, names: ['counter'], effects: [step], deleted: [] }
}

function acknowledged(number: number, done: readonly Done[]): Acknowledged {
  return {
    what: done.map(({ operation }) => operation.name).join(', then '),
    names: done.map(({ operation }) => operation.name),
    effects: done.flatMap(({ operation, at, result }) => {
      const mark = markOf(number, at)
      for (const [name, value] of Object.entries(operation.shows?.(mark) ?? {})) {
        const shown = (result as Row)[name]
        if (!isDeepStrictEqual(shown, value))
          throw new Error(`${operation.name} of ${name} ${String(value)} shows ${String(shown)} ${JSON.stringify(result)}`)
      }
      return operation.effects(mark, result)
    }),
    deleted: done.flatMap(({ operation, result }) => (operation.deletes === true ? [columnsOf('Person', result as Row)] : [])),
  }
}
