import { randomBytes } from 'node:crypto'
import type { TestProject } from 'vitest/node'
import { urlOf } from './database-url.ts'
import { applyMigrations, dropEnvelopes, execute } from './migrations.ts'
import { startPostgres } from './postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgres: { readonly server: string; readonly templates: Readonly<Record<'encrypted' | 'plain', string>> }
  }
}

declare global {
  var sharedPostgres: Shared | undefined
}

interface Shared {
  users: number
  readonly started: ReturnType<typeof start>
}

async function start() {
  const server = await startPostgres()
  const run = randomBytes(4).toString('hex')
  const templates = { encrypted: `template_encrypted_${run}`, plain: `template_plain_${run}` }
  await execute(server.url, `CREATE DATABASE "${templates.encrypted}"`)
  await applyMigrations(urlOf(server.url, templates.encrypted))
  await execute(server.url, `CREATE DATABASE "${templates.plain}" TEMPLATE "${templates.encrypted}"`)
  await dropEnvelopes(urlOf(server.url, templates.plain))
  return {
    context: { server: server.url, templates },
    stop: async () => {
      for (const name of Object.values(templates)) await execute(server.url, `DROP DATABASE "${name}"`)
      await server.stop()
    },
  }
}

/** One server for all projects of a run: each of them loads this module anew, so what they share hangs on the process. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  globalThis.sharedPostgres ??= { users: 0, started: start() }
  const shared = globalThis.sharedPostgres
  shared.users++
  const { context, stop } = await shared.started
  project.provide('postgres', context)
  return async () => {
    if (--shared.users === 0) {
      globalThis.sharedPostgres = undefined
      await stop()
    }
  }
}
