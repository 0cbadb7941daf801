import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const example = fileURLToPath(new URL('../examples/telemetry/', import.meta.url))

test('the telemetry example prints events, spans and metrics, and no plaintext', async () => {
  const { stdout } = await promisify(execFile)('npx', ['-y', 'pnpm@12', '--silent', 'start'], { cwd: example })
  expect(stdout).toMatch(/└ prisma_envelope\.kms\.unwrap .* kms\.operation=unwrap/)
  expect(stdout).toMatch(/prisma_envelope\.rows\.opened +20 +model=Patient operation=findMany key\.name=pii cache=hit/)
  expect(stdout).toMatch(/prisma_envelope\.rows\.sealed +50 +model=Patient operation=createMany/)
  expect(stdout).toMatch(/prisma_envelope\.kms\.calls +1 +.*kms\.operation=generateDataKey/)
  expect(stdout).toMatch(/: 0 hits\n/)
  expect(stdout).toMatch(/✔ \d+ events, \d+ spans and \d+ measurements, and no patient's value in any of them/)
})
