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
  readonly options: Readonly<Record<string, SuiteOption>>
  /** Test files of the folder that may be run by themselves. */
  readonly parts?: readonly string[]
}

/** Runs a suite of the integration tests by itself, as big as one likes, on one Prisma variant. */
export function runSuite({ title, folder, options, parts = [] }: Suite): void {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    // pnpm hands a leading `--` on.
    args: process.argv.slice(2).filter((arg) => arg !== '--'),
    options: {
      ...Object.fromEntries(Object.keys(options).map((name) => [name, text])),
      variant: { type: 'string', default: '7' },
      part: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const given = values as Readonly<Record<string, string | boolean | undefined>>
  const lines = Object.entries(options).map(
    ([name, { what, default: usual = 'a new one each time' }]) => `  --${name} N`.padEnd(16) + `${what} (${usual})`,
  )
  const choices = parts.length === 0 ? [] : [`  --part P      ${parts.join(', ')} (all)`]
  const usage = `${title}\n\n${[...lines, ...choices].join('\n')}\n  --variant V   ${variants.join(', ')} (7)\n`
  if (values.help) {
    process.stdout.write(usage)
    return
  }
  const variant = variants.find((name) => name === values.variant)
  const env = Object.entries(options).map(([name, option]) => {
    const value = String(given[name] ?? option.default ?? Date.now() % 2 ** 31)
    const isValid = option.default === undefined ? /^-?\d+$/.test(value) : /^[1-9]\d*$/.test(value)
    return [option.variable, isValid ? value : undefined] as const
  })
  const isPart = values.part === undefined || parts.includes(values.part)
  if (variant === undefined || !isPart || env.some(([, value]) => value === undefined)) {
    process.stderr.write(usage)
    process.exitCode = 2
    return
  }
  const path = values.part === undefined ? folder : `${folder}/${values.part}.test.ts`
  const test = spawn('pnpm', ['exec', 'vitest', 'run', '--project', `prisma-${variant}`, path], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, ...Object.fromEntries(env) },
    stdio: 'inherit',
  })
  test.on('exit', (code) => {
    process.exitCode = code ?? 1
  })
}
