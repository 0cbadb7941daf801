import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prisma-envelope-lint-'))
  await copyFile(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** How often the linter, with this repository's rules, refuses the imports of a file at `path`. */
async function refusals(path: string, source: string): Promise<number> {
  const file = join(folder, path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, source)
  const oxlint = join(dirname(createRequire(join(root, 'package.json')).resolve('oxlint/package.json')), 'bin/oxlint')
  const args = [oxlint, '--format', 'json', '-A', 'all', '-D', 'no-restricted-imports', path]
  const run = promisify(execFile)(process.execPath, args, { cwd: folder })
  const { stdout } = await run.catch((error: unknown) => error as { stdout: string })
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { code: string }[] }
  return diagnostics.filter(({ code }) => code.includes('no-restricted-imports')).length
}

test.each([
  ['keys/a.ts', "import { seal } from '../envelope/row.ts'"],
  ['keys/a.ts', "import type { Envelope } from '../envelope/contract.ts'"],
  ['keys/a.ts', "import { createCipheriv } from 'node:crypto'"],
  ['envelope/a.ts', "import { rewriteWhere } from '../rewrite/where.ts'"],
  ['envelope/a.ts', "import { createDecipheriv } from 'node:crypto'"],
  ['envelope/a.ts', "import { envelopeEncryption } from '../extension.ts'"],
  ['values/a.ts', "import { Key } from '../keys/index.ts'"],
  ['values/a.ts', "import { sealRow } from '../envelope/row.ts'"],
  ['rewrite/a.ts', "import type { Keys } from '../keys/contract.ts'"],
  ['rewrite/a.ts', "import { sealRow } from '../envelope/row.ts'"],
  ['rewrite/a.ts', "import { compileCodec } from '../values/index.ts'"],
  ['rewrite/deep/a.ts', "import { sealRow } from '../../envelope/row.ts'"],
  ['rewrite/a.ts', "import { createHmac } from 'node:crypto'"],
  ['errors.ts', "import type { ModelPlan } from './plan.ts'"],
])('in core, %s may not: %s', async (path, source) => {
  expect(await refusals(`packages/core/src/${path}`, source)).toBe(1)
})

test.each([
  ['keys/b.ts', "import { EnvelopeError } from '../errors.ts'"],
  ['envelope/b.ts', "import { createKeys } from '../keys/index.ts'"],
  ['envelope/aead.ts', "import { createCipheriv } from 'node:crypto'"],
  ['values/b.ts', "import type { BoundValue } from '../envelope/contract.ts'"],
  ['rewrite/b.ts', "import type { RowCipher } from '../envelope/contract.ts'"],
  ['extension.ts', "import { createKeys } from './keys/index.ts'"],
])('in core, %s may: %s', async (path, source) => {
  expect(await refusals(`packages/core/src/${path}`, source)).toBe(0)
})

test.each([
  ['generator', "import { awsKms } from '@prisma-envelope/kms/aws'"],
  ['kms', "import { startLocalKms } from '@prisma-envelope/local-kms'"],
  ['kms', "import type { ModelPlan } from '../../core/src/plan.ts'"],
  ['local-kms', "import { awsKms } from '@prisma-envelope/kms/aws'"],
  ['cli', "import { generate } from 'prisma-envelope-generator'"],
])('%s may not: %s', async (name, source) => {
  expect(await refusals(`packages/${name}/src/a.ts`, source)).toBe(1)
  expect(await refusals(`packages/${name}/src/a.test.ts`, source)).toBe(0)
})
