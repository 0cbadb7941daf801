/** How big a crash test is, and which: by the environment, which `pnpm test:crash` sets. */
export const seed: number = Number(process.env['CRASH_SEED'] ?? 1)
/** All phases together. */
export const kills: number = Number(process.env['CRASH_KILLS'] ?? 7)
/** Patients at the start; of other models, there are fewer. */
export const rows: number = Number(process.env['CRASH_ROWS'] ?? 200)
/** Writers that are in step with the roll-out; two more come after. */
export const writers: number = Number(process.env['CRASH_WRITERS'] ?? 4)
/** Whether figures are wanted. */
export const talkative: boolean = process.env['CRASH_KILLS'] !== undefined
