/** How big a storm is, and which: by the environment, which `pnpm test:concurrency` sets. */
export const seed: number = Number(process.env['CONCURRENCY_SEED'] ?? 1)
export const writers: number = Number(process.env['CONCURRENCY_WRITERS'] ?? 64)
/** Units of work of each writer. */
export const rounds: number = Number(process.env['CONCURRENCY_ROUNDS'] ?? 3)
/** Whether figures are wanted. */
export const talkative: boolean = process.env['CONCURRENCY_ROUNDS'] !== undefined
