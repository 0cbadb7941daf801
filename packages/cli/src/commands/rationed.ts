/** What `deadline` of the configuration is by default, in milliseconds. */
const DEADLINE = 5000

/**
 * How many KMS calls a worker may have under way or waiting at the same time: where calls are rationed, half of those that the deadline leaves room for,
 * shared by all workers. More would wait for their turn until their time is up.
 */
export function rationed(
  most: number,
  { kmsRate, workers }: { readonly kmsRate?: number; readonly workers: number },
  { deadline = DEADLINE }: { readonly deadline?: number },
): number {
  return kmsRate === undefined ? most : Math.min(most, Math.max(1, Math.floor((kmsRate * deadline) / 2000 / workers)))
}
