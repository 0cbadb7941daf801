/** One thing of the schema that the generator refuses or warns of. */
export interface Problem {
  readonly model?: string | undefined
  readonly field?: string | undefined
  /** What is wrong and what to do instead. */
  readonly message: string
}

export type Place = Omit<Problem, 'message'>

/** Gathers everything that is to be said of a schema, so that one run of `prisma generate` shows it all. */
export interface Report {
  refuse(place: Place, message: string): void
  notice(place: Place, message: string): void
  readonly problems: readonly Problem[]
  readonly notices: readonly Problem[]
}

export function createReport(): Report {
  const problems: Problem[] = []
  const notices: Problem[] = []
  return {
    refuse: ({ model, field }, message) => void problems.push({ model, field, message }),
    notice: ({ model, field }, message) => void notices.push({ model, field, message }),
    problems,
    notices,
  }
}

/** Ends a step that can't go on; caught and reported like any other problem. */
export class Refusal extends Error {}

/** Thrown once with all problems of a schema; Prisma prints the message. */
export class SchemaError extends Error {
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`
    super(
      `prisma-envelope found ${count} in the schema:\n\n${problems.map((problem) => `- ${describe(problem)}`).join('\n\n')}\n`,
    )
    this.name = 'SchemaError'
    this.problems = problems
  }
}

/** `Model.field: message`, further lines indented below it. */
export function describe({ model, field, message }: Problem): string {
  const subject = [model, field].filter((part) => part !== undefined).join('.')
  return (subject === '' ? message : `${subject}: ${message}`).replaceAll('\n', '\n  ')
}
