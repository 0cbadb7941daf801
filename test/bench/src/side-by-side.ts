/** One measured task on both sides; `tidy` runs after each sample, outside the clock. */
export interface Contest {
  readonly plain: () => Promise<unknown>
  readonly encrypted: () => Promise<unknown>
  /** What no library could save: plain Prisma on the same Json column, and the bare AES-256-GCM operations. */
  readonly floor?: () => Promise<unknown>
  /** Runs in a row that make one sample, so that short tasks are not lost in the clock's noise. */
  readonly repeat: number
  readonly rounds: number
  readonly tidy?: () => Promise<unknown>
}

export interface Outcome {
  /** Median milliseconds of one run. */
  readonly plain: number
  readonly encrypted: number
  readonly ratio: number
  /** Ratio of the floor, where one is measured. */
  readonly floor?: number
}

const WARM_UP_ROUNDS = 3

/** Runs both sides in random order, round after round, so that whatever else the machine does falls on both alike. */
export async function compare({ plain, encrypted, floor, repeat, rounds, tidy }: Contest): Promise<Outcome> {
  const samples = { plain: [] as number[], encrypted: [] as number[], floor: [] as number[] }
  const sides = { plain, encrypted, ...(floor !== undefined && { floor }) }
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const [side, run] of shuffled(Object.entries(sides) as [keyof typeof samples, () => Promise<unknown>][])) {
      const start = performance.now()
      for (let i = 0; i < repeat; i++) await run()
      const elapsed = (performance.now() - start) / repeat
      if (round >= 0) samples[side].push(elapsed)
      await tidy?.()
    }
  }
  const [a, b] = [median(samples.plain), median(samples.encrypted)]
  const least = floor === undefined ? {} : { floor: rounded(median(samples.floor) / a) }
  return { plain: rounded(a), encrypted: rounded(b), ratio: rounded(b / a), ...least }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y)
  const middle = Math.floor(sorted.length / 2)
  const [low = Number.NaN, high = Number.NaN] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]]
  return (low + high) / 2
}

export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}

export function shuffled<T>(values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value)
}
