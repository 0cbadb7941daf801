import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { variants } from './schema-variants.ts'

const usage = `Lets many writers change few rows at once, on plain Prisma and on the encrypted client.

  --writers N   at the same time (64)
  --rounds R    units of work of each writer (20)
  --seed S      of what they do (a new one each time)
  --variant V   ${variants.join(', ')} (7)
`

/** The concurrency test by itself, as big as one likes. */
function main(): void {
  const { values } = parseArgs({
    // pnpm hands a leading `--` on.
    args: process.argv.slice(2).filter((arg) => arg !== '--'),
    options: {
      writers: { type: 'string', default: '64' },
      rounds: { type: 'string', default: '20' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
      variant: { type: 'string', default: '7' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(usage)
    return
  }
  const { writers, rounds, seed } = values
  const variant = variants.find((name) => name === values.variant)
  const areNumbers = [writers, rounds].every((value) => /^[1-9]\d*$/.test(value)) && /^-?\d+$/.test(seed)
  if (variant === undefined || !areNumbers) {
    process.stderr.write(usage)
    process.exitCode = 2
    return
  }
  const test = spawn('pnpm', ['exec', 'vitest', 'run', '--project', `prisma-${variant}`, 'integration/concurrency'], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, CONCURRENCY_WRITERS: writers, CONCURRENCY_ROUNDS: rounds, CONCURRENCY_SEED: seed },
    stdio: 'inherit',
  })
  test.on('exit', (code) => {
    process.exitCode = code ?? 1
  })
}

main()
