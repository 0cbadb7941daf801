import { createHash } from 'node:crypto'
import type { Finding } from './task.ts'

/** Findings, each told once, though later passes meet the rows again. */
export interface Refusals {
  readonly report: (finding: Finding) => void
  readonly count: number
}

/** Some 10 MB. Beyond that, a table is in no state to be told of row by row. */
const REMEMBERED = 250_000

export function createRefusals(tell: (finding: Finding) => void, remembered: number = REMEMBERED): Refusals {
  const known = new Set<number>()
  let count = 0
  return {
    report(finding) {
      const name = nameOf(finding)
      if (known.has(name)) return
      count += 1
      if (known.size < remembered) known.add(name)
      tell(finding)
    },
    get count() {
      return count
    },
  }
}

/** 48 bits are enough to tell so few apart, and take no memory beyond the number's own. */
function nameOf({ primaryKey, field, code }: Finding): number {
  return createHash('sha256')
    .update(JSON.stringify([primaryKey, field, code]))
    .digest()
    .readUIntBE(0, 6)
}
