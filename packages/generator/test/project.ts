import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'

const PACKAGE = resolve(import.meta.dirname, '..')

/** Where each major of Prisma is installed. */
const INSTALLED = {
  6: resolve(PACKAGE, '../../test/prisma6/node_modules'),
  7: resolve(PACKAGE, '../../test/node_modules'),
} as const

export type Major = keyof typeof INSTALLED

export interface Ended {
  readonly code: number | null
  readonly output: string
}

/** An application in a temporary folder, with a Prisma of its own. */
export interface Project {
  readonly folder: string
  write(path: string, text: string): Promise<void>
  read(path: string): Promise<string>
  generate(environment?: Record<string, string>): Promise<Ended>
  /** Type-checks the whole project. */
  check(): Promise<Ended>
  remove(): Promise<void>
}

export async function createProject(major: Major): Promise<Project> {
  const folder = await mkdtemp(join(tmpdir(), 'prisma-envelope-'))
  const modules = INSTALLED[major]
  await symlink(modules, join(folder, 'node_modules'), 'junction')
  const write = async (path: string, text: string) => {
    const target = join(folder, path)
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, text)
  }
  await write('package.json', '{ "type": "module" }')
  await write(
    'prisma.config.ts',
    `import { defineConfig } from 'prisma/config'\nexport default defineConfig({ schema: 'prisma' })\n`,
  )
  await write(
    'tsconfig.json',
    JSON.stringify({ compilerOptions: COMPILER_OPTIONS, include: ['*.ts'], exclude: ['prisma.config.ts'] }),
  )
  const environment = {
    ...process.env,
    PATH: `${join(modules, '.bin')}${delimiter}${process.env['PATH'] ?? ''}`,
    DATABASE_URL: 'postgresql://localhost/none',
    // `generate` needs no engine, but would download one.
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    PRISMA_QUERY_ENGINE_LIBRARY: process.execPath,
  }
  return {
    folder,
    write,
    read: (path) => readFile(join(folder, path), 'utf8'),
    generate: (more) => run([join(modules, 'prisma/build/index.js'), 'generate'], folder, { ...environment, ...more }),
    check: () => run([join(PACKAGE, 'node_modules/typescript/bin/tsc'), '-p', '.'], folder, environment),
    remove: () => rm(folder, { recursive: true, force: true }),
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

/** Runs a script of Node to its end, with an empty standard input. */
export function run(script: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Ended> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, script, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    const chunks: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.once('error', fail)
    child.once('close', (code) => done({ code, output: Buffer.concat(chunks).toString() }))
  })
}
