import { parseArgs } from 'node:util'

export interface Options {
  /** Patients that are there before. */
  readonly rows: number
  readonly writers: number
  readonly json: boolean
}

export const HELP = `A plain application is moved to encryption while its users go on: plain, dual, encrypt, verify, guard, strict.

Usage: pnpm demo:migrate [options]

  --rows N      patients in the table before it begins (100000)
  --writers N   users who insert, update and delete patients meanwhile (4)
  --json        the last line of the output is one JSON object; everything else goes to stderr
  --help        this text

Environment:
  DATABASE_URL  use this PostgreSQL, in a schema of its own, instead of starting one

Exit code: 0 if every acknowledged write is there, no plaintext is, and a client without the extension is refused; else 1.
`

/**
 * @returns `'help'` where it was asked for.
 * @throws Error that tells what to change.
 */
export function parseOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: args.filter((argument) => argument !== '--'),
    options: {
      rows: { type: 'string', default: '100000' },
      writers: { type: 'string', default: '4' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  return { rows: atLeast(1000, '--rows', values.rows), writers: atLeast(1, '--writers', values.writers), json: values.json }
}

function atLeast(least: number, name: string, text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < least) throw new Error(`${name} must be a whole number of ${least} or more`)
  return number
}
