/** What every command ends with. */
export const EXIT = {
  done: 0,
  /** Something is wrong with rows, keys or the database, or the work could not be finished. */
  wrong: 1,
  usage: 2,
  /** SIGINT or SIGTERM. */
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]
