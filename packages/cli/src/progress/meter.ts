/** Rows a second over the last few seconds. */
export interface Meter {
  add(rows: number): void
  readonly rowsPerSecond: number
}

const WINDOW_MS = 10_000

export function createMeter(now: () => number = () => performance.now()): Meter {
  const start = now()
  const marks: { readonly at: number; readonly rows: number }[] = []
  const drop = (): void => {
    while (marks[0] !== undefined && now() - marks[0].at > WINDOW_MS) marks.shift()
  }
  return {
    add(rows) {
      marks.push({ at: now(), rows })
      drop()
    },
    get rowsPerSecond() {
      drop()
      const span = Math.min(WINDOW_MS, now() - start)
      return span === 0 ? 0 : (marks.reduce((sum, { rows }) => sum + rows, 0) / span) * 1000
    },
  }
}
