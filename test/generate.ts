import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { forVariant, layout, type Variant, variants, withoutEncryption } from './schema-variants.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const schemaFolder = join(here, '../prisma')
const stampFile = join(here, 'generated/stamp')

/** Generates every variant's clients and encryption plan from the one schema, unless nothing changed since the last time. */
async function generateAll(): Promise<void> {
  if ((await readFile(stampFile, 'utf8').catch(() => '')) === (await fingerprint())) return
  for (const { generated } of Object.values(layout)) await rm(join(here, generated), { recursive: true, force: true })

  // The schema's own generators write variant 7, and the lock file that the others are then held to.
  await prisma('7', schemaFolder)
  const outcomes = await Promise.allSettled([
    prisma('7', join(here, 'values/schema.prisma')),
    ...variants.flatMap((variant) => [...(variant === '7' ? [] : [generate(variant)]), generatePlain(variant)]),
  ])
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  await writeFile(stampFile, await fingerprint())
}

async function generate(variant: Variant): Promise<void> {
  const folder = join(here, layout[variant].generated, 'schema')
  await writeSchema(folder, (schema) => forVariant(schema, variant))
  await cp(join(schemaFolder, 'envelope.lock.json'), join(folder, 'envelope.lock.json'))
  await prisma(variant, folder)
}

async function generatePlain(variant: Variant): Promise<void> {
  const folder = join(here, layout[variant].generated, 'plain-schema')
  await writeSchema(folder, (schema) => withoutEncryption(forVariant(schema, variant)))
  await prisma(variant, folder)
}

async function writeSchema(folder: string, change: (schema: string) => string): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const name of await schemaFiles()) {
    await writeFile(join(folder, name), change(await readFile(join(schemaFolder, name), 'utf8')))
  }
}

async function schemaFiles(): Promise<string[]> {
  return (await readdir(schemaFolder)).filter((name) => name.endsWith('.prisma')).sort()
}

async function prisma(variant: Variant, schema: string): Promise<void> {
  const packages = join(here, layout[variant].packages)
  const cli = join(packages, 'node_modules/prisma/build/index.js')
  const PATH = [join(packages, 'node_modules/.bin'), process.env['PATH']].join(delimiter)
  // Generating needs no engine; naming any program in its stead keeps Prisma from downloading one.
  const engines = { PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_QUERY_ENGINE_LIBRARY: process.execPath }
  const quiet = { PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1', NO_COLOR: '1' }
  const env = { ...process.env, ...engines, ...quiet, PATH }
  try {
    await promisify(execFile)(process.execPath, [cli, 'generate', '--no-hints', '--schema', schema], { cwd: packages, env })
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`prisma generate failed for variant ${variant} (${schema}):\n${stdout}${stderr}`, { cause: error })
  }
}

/** Of all that the result depends on: the schema, these scripts, the generator and what it imports, the installed packages. */
async function fingerprint(): Promise<string> {
  const hash = createHash('sha256')
  const built = ['../packages/generator/dist', '../packages/core/dist'].map((folder) => filesBelow(join(here, folder)))
  const sources = [...(await schemaFiles()), 'envelope.lock.json'].map((name) => join(schemaFolder, name))
  const scripts = ['values/schema.prisma', 'generate.ts', 'schema-variants.ts', '../pnpm-lock.yaml'].map((name) =>
    join(here, name),
  )
  for (const file of [...sources, ...scripts, ...(await Promise.all(built)).flat()]) {
    hash.update(`${file}\0`).update(await readFile(file).catch(() => ''))
  }
  return hash.digest('hex')
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.js'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

await generateAll()
