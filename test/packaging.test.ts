import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports: Readonly<Record<string, unknown>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly private?: boolean
}

const run = promisify(execFile)
const root = fileURLToPath(new URL('../packages/', import.meta.url))
const folders = (await readdir(root, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map((entry) => entry.name)
const readManifest = async (path: string): Promise<Manifest> => JSON.parse(await readFile(join(path, 'package.json'), 'utf8'))
const manifests = await Promise.all(
  folders.map(async (name) => ({ folder: join(root, name), ...(await readManifest(join(root, name))) })),
)
const published = manifests.filter((manifest) => manifest.private !== true)

let application: string
const installed = (name: string) => join(application, 'node_modules', name)

/** An application in an empty folder that installs nothing of ours but the tarballs. */
beforeAll(async () => {
  application = await mkdtemp(join(tmpdir(), 'prisma-envelope-packaging-'))
  await mkdir(join(application, 'tarballs'))
  const dependencies: Record<string, string> = { '@aws-sdk/client-kms': '^3.700.0', '@opentelemetry/api': '^1.9.0' }
  for (const { folder, name, version } of published) {
    await run('npx', ['-y', 'pnpm@12', 'pack', '--pack-destination', join(application, 'tarballs')], { cwd: folder })
    dependencies[name] = `file:tarballs/${name.replace('@', '').replace('/', '-')}-${version}.tgz`
  }
  const overrides = Object.fromEntries(published.map(({ name }) => [name, `$${name}`]))
  await writeFile(join(application, 'package.json'), JSON.stringify({ private: true, dependencies, overrides }))
  await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: application })
})

afterAll(() => rm(application, { recursive: true, force: true }))

async function evaluate(file: string, script: string): Promise<string> {
  await writeFile(join(application, file), script)
  return (await run(process.execPath, [file], { cwd: application })).stdout.trim()
}

const subpaths = published.flatMap(({ name, exports }) =>
  Object.keys(exports)
    .filter((subpath) => subpath !== './package.json')
    .map((subpath) => `${name}${subpath.slice(1)}`),
)

describe('an application that installs the tarballs', () => {
  test.each(subpaths)('imports %s', async (specifier) => {
    expect(await evaluate('import.mjs', `import * as all from '${specifier}'\nconsole.log(typeof all)`)).toBe('object')
  })

  test.each(subpaths)('requires %s where Node allows it', async (specifier) => {
    const script = `console.log(process.features.require_module ? typeof require('${specifier}') : 'object')`
    expect(await evaluate('require.cjs', script)).toBe('object')
  })

  test('makes an index key', async () => {
    const script = `
      import { createIndexKey } from 'prisma-envelope'
      import { insecureTestKeys } from '@prisma-envelope/kms/local'
      console.log(await createIndexKey({ current: insecureTestKeys() }))`
    expect(await evaluate('index-key.mjs', script)).toMatch(/^pei1\./)
  })

  test('reaches a local KMS through the AWS adapter', async () => {
    const script = `
      import { awsKms } from '@prisma-envelope/kms/aws'
      import { startLocalKms } from '@prisma-envelope/local-kms'
      const kms = await startLocalKms()
      Object.assign(process.env, kms.env)
      const { arn } = await kms.createKey()
      const provider = awsKms({ name: 'pii', keyId: arn })
      const { wrapped } = await provider.generateDataKey({ purpose: 'test' })
      console.log((await provider.unwrap(wrapped, { purpose: 'test' })).length)
      await kms.stop()`
    expect(await evaluate('kms.mjs', script)).toBe('32')
  })

  test('gets a hint from the generator run by hand', async () => {
    const call = run('npx', ['prisma-envelope'], { cwd: application })
    call.child.stdin?.end()
    await expect(call).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('`prisma generate` runs it') })
  })

  test('gets help from local-kms', async () => {
    expect((await run('npx', ['local-kms', '--help'], { cwd: application })).stdout).toContain('--port')
  })
})

describe.each(published.map(({ name }) => name))('the tarball of %s', (name) => {
  test('holds no tests and no build information, but the licence and a README', async () => {
    const files = await readdir(installed(name), { recursive: true })
    const own = files.filter((file) => !file.startsWith('node_modules'))
    expect(own.filter((file) => /\.test\b|\.test-d\b|tsbuildinfo|(^|\/)test(\/|$)/.test(file))).toEqual([])
    expect(own).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json']))
  })

  test('names no dependency that only the workspace knows', async () => {
    const { dependencies = {} } = await readManifest(installed(name))
    expect(Object.values(dependencies).filter((range) => /^(workspace|catalog|file|link):/.test(range))).toEqual([])
  })

  test('has a source for every source map', async () => {
    const dist = join(installed(name), 'dist')
    const maps = (await readdir(dist, { recursive: true })).filter((path) => path.endsWith('.js.map'))
    const sources = maps.map(async (map) => {
      const {
        sources: [source = ''],
      } = JSON.parse(await readFile(join(dist, map), 'utf8')) as { sources: string[] }
      return readFile(join(dist, map, '..', source))
    })
    await expect(Promise.all(sources)).resolves.toHaveLength(maps.length)
  })
})
