import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { applicationFiles } from './operations.ts'
import { schema } from './schema.ts'

const here = fileURLToPath(new URL('..', import.meta.url))
const modules = join(here, 'node_modules')
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    client: { type: 'string', default: 'prisma-client' },
    tsc: { type: 'string', default: join(here, '../../node_modules/typescript/bin/tsc') },
  },
})

/** Measured though it fails to compile: TypeScript finds excess properties in lists that are laid over each other. */
const INTERSECTION = 'refusals by intersection'
const EXTENDED = 'new PrismaClient({ adapter, omit }).$extends(envelopeEncryption({ Prisma, models, keys: { current } }))'
const CLIENTS = {
  'plain client': 'new PrismaClient({ adapter })',
  'empty extension': 'new PrismaClient({ adapter, omit }).$extends({ query: {} })',
  'extended client': EXTENDED,
  'strict client': `strict(${EXTENDED})`,
  [INTERSECTION]: `intersected(${EXTENDED})`,
} as const

const MEASURES = ['Types', 'Instantiations', 'Memory used', 'Check time'] as const

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'prisma-envelope-types-'))
  try {
    await writeProject(folder)
    // TypeScript 7 checks on several threads unless told otherwise, each of which works out types anew.
    const version = await node([values.tsc, '--version'], folder)
    const flags = ['--extendedDiagnostics', ...(/\b[1-6]\./.test(version) ? [] : ['--singleThreaded'])]
    console.log(version.trim())
    const figures: Record<string, Record<string, number[]>> = {}
    // By turns, so that a busy minute of the machine falls on all.
    for (let run = 0; run < Number(values.runs); run++) {
      for (const name of Object.keys(CLIENTS)) {
        const output = await node([values.tsc, '-p', `${slug(name)}.json`, ...flags], folder, name === INTERSECTION)
        for (const measure of MEASURES) ((figures[name] ??= {})[measure] ??= []).push(figure(output, measure))
      }
    }
    const rows = Object.entries(figures).map(([name, measured]) => [
      name,
      Object.fromEntries(Object.entries(measured).map(([measure, numbers]) => [measure, median(numbers)])),
    ])
    console.table(Object.fromEntries(rows))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function writeProject(folder: string): Promise<void> {
  const write = async (path: string, text: string) => writeFile(join(folder, path), text)
  await symlink(modules, join(folder, 'node_modules'), 'junction')
  for (const path of ['prisma', 'app']) await mkdir(join(folder, path))
  const client = values.client === 'prisma-client-js' ? 'prisma-client-js' : 'prisma-client'
  await write('package.json', '{ "type": "module" }')
  await write(
    'prisma.config.ts',
    `import { defineConfig } from 'prisma/config'\nexport default defineConfig({ schema: 'prisma' })\n`,
  )
  await write('prisma/schema.prisma', schema(client))
  await node([join(modules, 'prisma/build/index.js'), 'generate'], folder)
  await write(
    'generated/envelope/intersected.ts',
    intersected(await readFile(join(folder, 'generated/envelope/strict.ts'), 'utf8')),
  )
  const files = applicationFiles()
  for (const [index, text] of files.entries()) await write(`app/service${index}.ts`, text)
  for (const [name, expression] of Object.entries(CLIENTS)) {
    await write(`app/${slug(name)}.ts`, databaseFile(client === 'prisma-client' ? 'client.ts' : 'index.js', expression))
    const paths = { '#db': [`./app/${slug(name)}.ts`] }
    const compilerOptions = { ...COMPILER_OPTIONS, paths }
    await write(
      `${slug(name)}.json`,
      JSON.stringify({ compilerOptions, files: files.map((_, index) => `app/service${index}.ts`) }),
    )
  }
}

const COMPILER_OPTIONS = {
  target: 'es2023',
  module: 'nodenext',
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
  noEmit: true,
  types: [],
}

function databaseFile(client: string, expression: string): string {
  const imports = {
    [`import { PrismaClient } from '../generated/prisma/${client}'`]: 'PrismaClient',
    [`import { Prisma } from '../generated/prisma/${client}'`]: 'Prisma,',
    "import { envelopeEncryption, type KeyProvider } from 'prisma-envelope'\ndeclare const current: KeyProvider":
      'envelopeEncryption',
    "import { models } from '../generated/envelope/index.ts'": 'models',
    "import { omit } from '../generated/envelope/index.ts'": 'omit',
    "import { strict } from '../generated/envelope/strict.ts'": 'strict',
    "import { strict as intersected } from '../generated/envelope/intersected.ts'": 'intersected',
  }
  const needed = Object.entries(imports).flatMap(([text, name]) => (expression.includes(name) ? [text] : []))
  return `import { PrismaPg } from '@prisma/adapter-pg'\n${needed.join('\n')}\nconst adapter = new PrismaPg({ connectionString: '' })\nexport const db = ${expression}\n`
}

/** The design that comes to mind first: the refusals laid over Prisma's input types by `&`. */
function intersected(strict: string): string {
  const laidOver = strict
    .replaceAll('A extends Args>', 'A extends Args & Pick<Refused, keyof Args & keyof Refused>>')
    .replaceAll('Strict.Checked<A, Args, Refused>', 'Types.Public.Exact<A, Args & Pick<Refused, keyof Args & keyof Refused>>')
  if (laidOver === strict) throw new Error('the generated module has changed')
  return laidOver
}

function slug(name: string): string {
  return name.replaceAll(' ', '-')
}

function figure(output: string, measure: string): number {
  const found = new RegExp(`^${measure}:\\s+([\\d.]+)`, 'm').exec(output)?.[1]
  if (found === undefined) throw new Error(`tsc printed no "${measure}":\n${output}`)
  return Number(found)
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
}

/** @throws where the script fails, as on an error in types, unless it may */
function node(script: readonly string[], cwd: string, mayFail = false): Promise<string> {
  const env = {
    ...process.env,
    PATH: `${join(modules, '.bin')}${delimiter}${process.env['PATH'] ?? ''}`,
    DATABASE_URL: 'postgresql://localhost/none',
    // `generate` needs no engine, but would download one.
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
  }
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, script, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
    child.once('error', fail)
    child.once('close', (code) => (code === 0 || mayFail ? done(output) : fail(new Error(output))))
  })
}

await main()
