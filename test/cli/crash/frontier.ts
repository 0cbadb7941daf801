import { setTimeout as sleep } from 'node:timers/promises'
import type { TestDatabase } from '../../support/database.ts'
import type { Fleet } from './fleet.ts'
import { type Key, MODELS } from './ledger.ts'
import { type Conditions, TABLES } from './tables.ts'

const EVERY_MS = 100

/**
 * Keeps telling the writers which rows the CLI is at or comes to next, as it goes by their keys: they then mostly write there.
 *
 * @param undone met by rows that it still has to do.
 * @param count how many rows of each table.
 * @returns what ends it.
 */
export function followFrontier({ sql }: TestDatabase, fleet: Fleet, undone: Conditions, count: number): () => Promise<void> {
  let isOver = false
  async function follow(): Promise<void> {
    while (!isOver) {
      const keys = await Promise.all(
        MODELS.map((model) => {
          const { name, key } = TABLES[model]
          return sql<{ key: Key }>(`SELECT ${key} AS key FROM ${name} AS t WHERE ${undone[model]} ORDER BY 1 LIMIT ${count}`)
        }),
      )
      await fleet.attend(keys.flat().map(({ key }) => key))
      await sleep(EVERY_MS)
    }
    await fleet.attend([])
  }
  const following = follow()
  following.catch(() => {})
  return async () => {
    isOver = true
    await following
  }
}
