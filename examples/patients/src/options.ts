import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export interface Options {
  /** How many patients to make up where no file is given. */
  readonly rows: number
  readonly csv: string | undefined
  readonly conditions: string | undefined
  readonly json: boolean
}

export const HELP = `Patients go through an extended Prisma Client into PostgreSQL as ciphertext, and come back.

Usage: pnpm demo [options]

  --rows N           how many patients to make up (2000)
  --csv FILE         import these patients instead (columns of Synthea's patients.csv)
  --conditions FILE  and their conditions (columns of Synthea's conditions.csv)
  --json             the last line of the output is one JSON object; everything else goes to stderr
  --help             this text

Environment:
  DATABASE_URL                        use this PostgreSQL, in a schema of its own, instead of starting one
  AWS_ENDPOINT_URL_KMS, KMS_KEY_ID    use this KMS (with the usual AWS_… credentials) instead of starting local-kms

Exit code: 0 if every value came back as it went in and no plaintext is in the database, else 1.
`

/**
 * @returns `'help'` where it was asked for.
 * @throws Error that tells what to change.
 */
export function parseOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: args.filter((argument) => argument !== '--'),
    options: {
      rows: { type: 'string' },
      csv: { type: 'string' },
      conditions: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  if (values.rows !== undefined && values.csv !== undefined)
    throw new Error('--rows is for made-up patients; leave it out with --csv')
  if (values.conditions !== undefined && values.csv === undefined)
    throw new Error('--conditions needs the patients: add --csv FILE')
  const rows = Number(values.rows ?? 2000)
  if (!Number.isInteger(rows) || rows < 1) throw new Error('--rows must be a whole number above 0')
  return { rows, csv: pathOf(values.csv), conditions: pathOf(values.conditions), json: values.json }
}

/** pnpm runs this in the example's folder; INIT_CWD is where the user typed the command. */
function pathOf(path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(process.env['INIT_CWD'] ?? '.', path)
}
