import type { Pace } from './pace.ts'
import { isPassing, patiently } from './retry.ts'

/** Pages of rows that are read one after the other, and worked on side by side. */
export interface Pages<Page> {
  /** The next page; undefined where there is none. Asked again where it fails, so it moves on only once it has read. */
  readonly next: () => Promise<Page | undefined>
  /** Gives how many rows it had. Done again where it fails, so it tells what it found only once it is through. */
  readonly work: (page: Page) => Promise<number>
}

export interface EachPageOptions {
  readonly workers: number
  /** Milliseconds of failures in a row after which to give up. */
  readonly patience: number
  /** Ends after the pages that are under way. */
  readonly stop: AbortSignal
}

export interface EachPageEvents {
  paused(reason: string): void
  retried(error: unknown): void
}

/**
 * Works through all pages, as fast as `pace` lets it.
 *
 * @returns whether it came to the end
 */
export async function eachPage<Page>(
  { next, work }: Pages<Page>,
  pace: Pace,
  { workers, patience, stop }: EachPageOptions,
  events: EachPageEvents,
): Promise<boolean> {
  const patient = { patience, stop, onRetry: events.retried }
  let exhausted = false
  let failed = false
  let turn: Promise<unknown> = Promise.resolve()

  /** In turns, as each page begins where the last one ended. */
  function nextInTurn(): Promise<Page | undefined> {
    const page = turn.then(async () => {
      if (exhausted || failed || stop.aborted) return undefined
      const read = await patiently(patient, next)
      if (read === undefined) exhausted = true
      return read
    })
    turn = page.catch(() => {})
    return page
  }

  async function worker(): Promise<void> {
    try {
      while (!failed && !stop.aborted) {
        await pace.ready(stop, events.paused)
        const page = await nextInTurn()
        if (page === undefined) return
        pace.spent(await patiently(patient, () => work(page)))
      }
    } catch (error) {
      // Whoever is told to stop while the database or the KMS is away need not hear of that.
      if (stop.aborted && isPassing(error)) return
      failed = true
      throw error
    }
  }

  // Waits for all, so that nothing runs on behind an error.
  const outcomes = await Promise.allSettled(Array.from({ length: workers }, worker))
  const broken = outcomes.find((outcome) => outcome.status === 'rejected')
  if (broken !== undefined) throw broken.reason
  return exhausted && !stop.aborted
}
