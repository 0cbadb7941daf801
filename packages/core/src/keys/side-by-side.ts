/**
 * KMS calls that one operation has under way at the same time. The AWS SDK opens 50 sockets by default; half of them leaves room for
 * another operation.
 */
export const CALLS_SIDE_BY_SIDE = 25

/**
 * Runs `task` for each item, at most `limit` at a time, and resolves when all that began have ended. After a failure no further one begins.
 *
 * @throws the first error of a task.
 */
export async function sideBySide<T>(
  items: readonly T[],
  limit: number,
  task: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = []
  const queue = items.entries()
  const work = async (): Promise<void> => {
    for (const [index, item] of queue) {
      if (failures.length > 0) return
      try {
        await task(item, index)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work))
  if (failures.length > 0) throw failures[0]
}
