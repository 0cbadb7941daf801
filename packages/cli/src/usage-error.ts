/** The command was called, or configured, in a way that can't work. Nothing was changed. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}
