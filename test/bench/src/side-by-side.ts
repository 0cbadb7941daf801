import type { Side, Subject, Subjects } from './subjects.ts'

/** An operation on one side. */
export interface Attempt {
  readonly run: () => Promise<unknown>
  /** Fails unless the last `run`, which resolved to this, did what it should. */
  readonly check: (result: unknown) => Promise<void>
}

/** An operation, run on every side; `tidy` runs after each sample, outside the clock. */
export interface Contest {
  readonly on: (subject: Subject) => Attempt
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
  /** What the same takes with `prisma-field-encryption`. */
  readonly peer: number
  readonly peerRatio: number
}

const WARM_UP_ROUNDS = 3

/** Runs all sides in random order, round after round, so that whatever else the machine does falls on all alike. */
export async function compare(subjects: Subjects, { on, floor, repeat, rounds, tidy }: Contest): Promise<Outcome> {
  const samples = { plain: [] as number[], encrypted: [] as number[], peer: [] as number[], floor: [] as number[] }
  const attempts = Object.entries(subjects).map(([side, subject]) => [side as Side, on(subject)] as const)
  const check = async () => {
    for (const [, attempt] of attempts) await attempt.check(await attempt.run())
  }

  await tidy?.()
  await check()
  await tidy?.()
  const runs = attempts.map(([side, { run }]) => [side as keyof typeof samples, run] as const)
  if (floor !== undefined) runs.push(['floor', floor])
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const [side, run] of shuffled(runs)) {
      const start = performance.now()
      for (let i = 0; i < repeat; i++) await run()
      const elapsed = (performance.now() - start) / repeat
      if (round >= 0) samples[side].push(elapsed)
      await tidy?.()
    }
  }
  await check()

  const [plain, encrypted, peer] = [median(samples.plain), median(samples.encrypted), median(samples.peer)]
  return {
    plain: rounded(plain),
    encrypted: rounded(encrypted),
    ratio: rounded(encrypted / plain),
    ...(floor !== undefined && { floor: rounded(median(samples.floor) / plain) }),
    peer: rounded(peer),
    peerRatio: rounded(peer / plain),
  }
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
