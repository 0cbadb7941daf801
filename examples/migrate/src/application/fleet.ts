import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Version } from './client.ts'

const program = fileURLToPath(new URL('./main.ts', import.meta.url))

/** A running process of the application. */
interface Instance {
  readonly version: Version
  readonly address: string
  readonly process: ChildProcess
  /** Requests under way. */
  pending: number
}

export interface Answer {
  readonly status: number
  readonly body: unknown
  /** Who gave it. */
  readonly version: Version
}

/** The instances of the application behind what would be a load balancer: each request goes to any of them. */
export interface Fleet {
  request(method: string, path: string, body?: unknown): Promise<Answer>
  /** Starts one more. */
  add(version: Version): Promise<void>
  /** Takes the oldest out of the rotation, lets it finish what it has begun, and ends it. */
  removeOldest(): Promise<void>
  /** Requests answered by each version since the last time this was asked. */
  answered(): Readonly<Partial<Record<Version, number>>>
  readonly size: number
  stop(): Promise<void>
}

export function createFleet(env: Readonly<Record<string, string>>): Fleet {
  const instances: Instance[] = []
  const counts = new Map<Version, number>()

  return {
    get size() {
      return instances.length
    },
    async request(method, path, body) {
      const instance = instances[Math.floor(Math.random() * instances.length)]
      if (instance === undefined) throw new Error('no instance is running')
      instance.pending += 1
      try {
        const response = await fetch(`${instance.address}${path}`, {
          method,
          ...(body !== undefined && { body: JSON.stringify(body) }),
        })
        const text = await response.text()
        counts.set(instance.version, (counts.get(instance.version) ?? 0) + 1)
        return { status: response.status, body: text === '' ? undefined : JSON.parse(text), version: instance.version }
      } finally {
        instance.pending -= 1
      }
    },
    async add(version) {
      instances.push(await start(version, env))
    },
    async removeOldest() {
      const instance = instances.shift()
      if (instance !== undefined) await end(instance)
    },
    answered() {
      const result = Object.fromEntries(counts)
      counts.clear()
      return result
    },
    async stop() {
      await Promise.all(instances.splice(0).map(end))
    },
  }
}

async function start(version: Version, env: Readonly<Record<string, string>>): Promise<Instance> {
  // In a process group of its own, it does not get the terminal's Ctrl-C: the demo ends it.
  const child = spawn(process.execPath, ['--import', 'tsx', program], {
    env: { ...process.env, ...env, VERSION: version },
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve((message as { port: number }).port))
    child.once('exit', (code) => reject(new Error(`an instance of version ${version} ended with ${code} before it was ready`)))
  })
  return { version, address: `http://127.0.0.1:${port}`, process: child, pending: 0 }
}

const DRAINING_MS = 20

async function end(instance: Instance): Promise<void> {
  while (instance.pending > 0) await new Promise((resolve) => setTimeout(resolve, DRAINING_MS))
  const { process: child } = instance
  if (child.exitCode !== null || child.signalCode !== null)
    throw new Error(`an instance of version ${instance.version} ended by itself`)
  child.kill('SIGTERM')
  await once(child, 'exit')
}
