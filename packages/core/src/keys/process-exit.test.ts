import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const core = fileURLToPath(new URL('../..', import.meta.url))
const workspace = join(core, '../..')

/** Uses every cache there is, and ends without closing anything. */
const program = `
import { randomBytes } from 'node:crypto'
import { createIndexKey, createKeyring, createKeys, rowContext } from './keys/index.js'

const keys = new Map()
const provider = {
  name: 'pii',
  async generateDataKey() {
    const plaintext = randomBytes(32)
    const wrapped = randomBytes(60)
    keys.set(wrapped.toString('hex'), Buffer.from(plaintext))
    return { plaintext, wrapped }
  },
  wrap: async () => randomBytes(60),
  unwrap: async (wrapped) => Buffer.from(keys.get(Buffer.from(wrapped).toString('hex'))),
}
const line = await createIndexKey({ current: provider })
const rows = []
const keyStore = {
  load: async (ids) => rows.filter(({ id }) => ids.includes(id)),
  newest: async () => ({ key: rows.at(-1), erased: false }),
  insert: async (row) => rows.push(row) > 0,
}
for (const mode of ['stored', 'branch', 'direct']) {
  const service = createKeys({ keyring: createKeyring({ current: provider }), mode, keyStore, indexKey: { current: line } })
  const context = rowContext('Patient')
  const [{ kid, wrapped, stored }] = await service.forSealing({ context }, 3)
  await service.forOpening([{ kid, wrapped, context, stored }])
  await service.indexKey()
}

let time = 0
const service = createKeys({ keyring: createKeyring({ current: provider }), now: () => time, deadline: 600_000 })
const context = rowContext('Patient')
const [{ kid, wrapped }] = await service.forSealing({ context }, 1)
time = 59_000
provider.unwrap = () => new Promise(() => {})
await service.forOpening([{ kid, wrapped, context }])
if (service.stats.refreshes !== 1) throw new Error('nothing was refreshed')
console.log('done')
`

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prisma-envelope-keys-'))
  await symlink(join(core, 'node_modules'), join(folder, 'node_modules'))
  await symlink(join(workspace, 'node_modules/@types'), join(folder, 'types'))
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: join(workspace, 'tsconfig.base.json'),
      compilerOptions: { rootDir: join(core, 'src'), outDir: folder, typeRoots: [join(folder, 'types')], composite: false },
      files: [join(core, 'src/keys/index.ts')],
    }),
  )
  await run(process.execPath, [join(workspace, 'node_modules/typescript/bin/tsc'), '-p', folder])
  await writeFile(join(folder, 'program.js'), program)
}, 60_000)

afterAll(() => rm(folder, { recursive: true }))

describe('a process with cached keys', () => {
  it('exits by itself', async () => {
    // A process that hangs is killed, and then this rejects.
    const { stdout } = await run(process.execPath, [join(folder, 'program.js')], { timeout: 20_000 })
    expect(stdout).toBe('done\n')
  }, 30_000)
})
