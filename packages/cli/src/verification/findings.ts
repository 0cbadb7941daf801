import type { Output } from '../progress/output.ts'
import { primaryKey } from '../rows/stored-row.ts'
import type { Table } from '../rows/table.ts'
import type { Problem } from './row-checks.ts'

/** Counts what is found, all of it, and prints the first of it. */
export interface Findings {
  add(table: Table, key: readonly string[], problem: Problem): void
  /** By model and code. */
  of(model: string): Readonly<Record<string, number>>
  readonly total: number
}

export function createFindings(output: Output, printedAtMost: number): Findings {
  const counts = new Map<string, Map<string, number>>()
  let total = 0
  return {
    add(table, key, { code, reason, field }) {
      const ofModel = counts.get(table.model) ?? new Map<string, number>()
      counts.set(table.model, ofModel.set(code, (ofModel.get(code) ?? 0) + 1))
      total += 1
      if (total <= printedAtMost) output.finding({ model: table.model, field, primaryKey: primaryKey(table, key), code, reason })
      if (total === printedAtMost + 1)
        output.note(`more than ${printedAtMost} findings: those that follow are counted, and not printed (see --max-findings)`)
    },
    of: (model) => Object.fromEntries(counts.get(model) ?? []),
    get total() {
      return total
    },
  }
}
