import { setTimeout as sleep } from 'node:timers/promises'

/** Asks until the answer is yes; the test's own time limit ends it. */
export async function waitUntil(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20)
}
