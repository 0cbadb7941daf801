import { randomBytes } from 'node:crypto'
import type { TestProject } from 'vitest/node'
import { urlOf } from './database-url.ts'
import { guardAll } from './guards.ts'
import { applyMigrations, dropEnvelopes, execute } from './migrations.ts'
import { startPostgres } from './postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgres: { readonly server: string; readonly templates: Readonly<Record<'encrypted' | 'plain' | 'guarded', string>> }
  }
}

declare global {
  var sharedPostgres: Shared | undefined
}

interface Shared {
  users: number
  readonly started: ReturnType<typeof start>
  /** Made where a project asks for it: it takes seconds. */
  guarded?: Promise<void>
}

async function start() {
  const server = await startPostgres()
  const run = randomBytes(4).toString('hex')
  const templates = {
    encrypted: `template_encrypted_${run}`,
    plain: `template_plain_${run}`,
    guarded: `template_guarded_${run}`,
  }
  await execute(server.url, `CREATE DATABASE "${templates.encrypted}"`)
  await applyMigrations(urlOf(server.url, templates.encrypted))
  await execute(server.url, `CREATE DATABASE "${templates.plain}" TEMPLATE "${templates.encrypted}"`)
  await dropEnvelopes(urlOf(server.url, templates.plain))
  return {
    context: { server: server.url, templates },
    stop: async () => {
      for (const name of Object.values(templates)) await execute(server.url, `DROP DATABASE IF EXISTS "${name}"`)
      await server.stop()
    },
  }
}

async function makeGuarded({ server, templates }: Awaited<ReturnType<typeof start>>['context']): Promise<void> {
  await execute(server, `CREATE DATABASE "${templates.guarded}" TEMPLATE "${templates.encrypted}"`)
  await guardAll(urlOf(server, templates.guarded))
}

/** One server for all projects of a run: each of them loads this module anew, so what they share hangs on the process. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  globalThis.sharedPostgres ??= { users: 0, started: start() }
  const shared = globalThis.sharedPostgres
  shared.users++
  const { context, stop } = await shared.started
  if (project.config.env?.['TEST_GUARDS'] === 'on') await (shared.guarded ??= makeGuarded(context))
  project.provide('postgres', context)
  return async () => {
    if (--shared.users === 0) {
      globalThis.sharedPostgres = undefined
      await stop()
    }
  }
}
