import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { variants } from './schema-variants.ts'

/** A number that a suite takes from the command line, and hands to its tests by an environment variable. */
export interface SuiteOption {
  readonly variable: string
  readonly what: string
  /** Without one, a seed is drawn. */
  readonly default?: string
}

export interface Suite {
  readonly title: string
  /** Below `test/`. */
  readonly folder: string
  /** Of Vitest, for a suite that runs on one Prisma alone; else it runs on the variant that is asked for. */
  readonly project?: string
  readonly options: Readonly<Record<string, SuiteOption>>
  /** Test files of the folder that may be run by themselves. */
  readonly parts?: readonly string[]
}

/** Runs a suite of the integration tests by itself, as big as one likes, on one Prisma variant. */
export function runSuite({ title, folder, project, options, parts = [] }: Suite): void {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    // pnpm hands a leading `--` on.
    args: process.argv.slice(2).filter((arg) => arg !== '--'),
    options: {
      ...Object.fromEntries(Object.keys(options).map((name) => [name, text])),
      ...(project === undefined && { variant: { type: 'string', default: '7' } as const }),
      ...(parts.length > 0 && { part: text }),
      help: { type: 'boolean', default: false },
    },
  })
  const given = values as Readonly<Record<string, string | boolean | undefined>>
  const lines = Object.entries(options).map(
    ([name, { what, default: usual = 'a new one each time' }]) => `  --${name} N`.padEnd(16) + `${what} (${usual})`,
  )
  const choices = [
    ...(parts.length === 0 ? [] : [`  --part P      ${parts.join(', ')} (all)`]),
    ...(project === undefined ? [`  --variant V   ${variants.join(', ')} (7)`] : []),
  ]
  const usage = `${title}\n\n${[...lines, ...choices].join('\n')}\n`
  if (values.help) {
    process.stdout.write(usage)
    return
  }
  const variant = variants.find((name) => name === given['variant'])
  const where = project ?? (variant === undefined ? undefined : `prisma-${variant}`)
  const { part } = given
  const env = Object.entries(options).map(([name, option]) => {
    const value = String(given[name] ?? option.default ?? Date.now() % 2 ** 31)
    const isValid = option.default === undefined ? /^-?\d+$/.test(value) : /^[1-9]\d*$/.test(value)
    return [option.variable, isValid ? value : undefined] as const
  })
  const isPart = part === undefined || parts.includes(String(part))
  if (where === undefined || !isPart || env.some(([, value]) => value === undefined)) {
    process.stderr.write(usage)
    process.exitCode = 2
    return
  }
  const path = part === undefined ? folder : `${folder}/${String(part)}.test.ts`
  const test = spawn('pnpm', ['exec', 'vitest', 'run', '--project', where, path], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, ...Object.fromEntries(env) },
    stdio: 'inherit',
  })
  test.on('exit', (code) => {
    process.exitCode = code ?? 1
  })
}
