import { existsSync } from 'node:fs'
import { type RequestOptions, request } from 'node:http'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { PostgreSqlContainer } from '@testcontainers/postgresql'
import type { Cleanup } from '../cleanup.ts'

/** The URL of PostgreSQL in a container; undefined where no Docker answers within a second, or it can't get the image. */
export async function startInDocker(cleanup: Cleanup): Promise<string | undefined> {
  if (!(await dockerAnswers())) return undefined
  try {
    const container = await new PostgreSqlContainer('postgres:18-alpine').start()
    cleanup.add(() => container.stop())
    return container.getConnectionUri()
  } catch {
    return undefined
  }
}

async function dockerAnswers(): Promise<boolean> {
  const host = process.env['DOCKER_HOST']
  if (host?.startsWith('tcp://')) return answers({ host: new URL(host).hostname, port: new URL(host).port })
  const sockets =
    host === undefined
      ? [
          '/var/run/docker.sock',
          join(process.env['XDG_RUNTIME_DIR'] ?? '/run', 'docker.sock'),
          join(homedir(), '.docker/run/docker.sock'),
        ]
      : [host.replace(/^unix:\/\//, '')]
  const present = process.platform === 'win32' ? ['//./pipe/docker_engine'] : sockets.filter((path) => existsSync(path))
  return (await Promise.all(present.map((socketPath) => answers({ socketPath })))).includes(true)
}

/** https://docs.docker.com/reference/api/engine/, `/_ping`. Over TLS any answer at all will do: testcontainers knows the certificates. */
function answers(where: RequestOptions): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request({ ...where, path: '/_ping', timeout: 1000 }, (response) => {
      response.resume()
      resolve(response.statusCode === 200 || process.env['DOCKER_TLS_VERIFY'] === '1')
    })
    ping.on('timeout', () => ping.destroy(new Error('timeout')))
    ping.on('error', () => resolve(false))
    ping.end()
  })
}
