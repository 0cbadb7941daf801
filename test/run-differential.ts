import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { variants } from './schema-variants.ts'

const usage = `Compares random histories of operations on plain Prisma and on the encrypted client.

  --runs N      histories (2000)
  --seed S      of the random histories (a new one each time)
  --variant V   ${variants.join(', ')} (7)
`

/** The differential test by itself, for as many histories as one likes. */
function main(): void {
  const { values } = parseArgs({
    // pnpm hands a leading `--` on.
    args: process.argv.slice(2).filter((arg) => arg !== '--'),
    options: {
      runs: { type: 'string', default: '2000' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
      variant: { type: 'string', default: '7' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(usage)
    return
  }
  const variant = variants.find((name) => name === values.variant)
  if (variant === undefined || !/^[1-9]\d*$/.test(values.runs) || !/^-?\d+$/.test(values.seed)) {
    process.stderr.write(usage)
    process.exitCode = 2
    return
  }
  const test = spawn('pnpm', ['exec', 'vitest', 'run', '--project', `prisma-${variant}`, 'integration/differential'], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, DIFFERENTIAL_RUNS: values.runs, DIFFERENTIAL_SEED: values.seed },
    stdio: 'inherit',
  })
  test.on('exit', (code) => {
    process.exitCode = code ?? 1
  })
}

main()
