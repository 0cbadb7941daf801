import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { LocalKms } from '@prisma-envelope/local-kms'
import { variant } from './client.ts'
import type { TestDatabase } from './database.ts'

/** What a process of its own is to work with; `process-client.ts` reads it there. */
export interface ProcessStand {
  readonly database: TestDatabase
  readonly kms: LocalKms
  readonly arn: string
  readonly indexKey: { readonly current: string }
}

/** How a script in TypeScript is run: by Node with tsx. */
export function ownProcess(script: URL, { database, kms, arn, indexKey }: ProcessStand, more: Record<string, string> = {}) {
  return {
    path: fileURLToPath(script),
    execArgv: ['--expose-gc', '--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href],
    env: {
      ...process.env,
      ...kms.env,
      PRISMA_VARIANT: variant,
      DATABASE: database.url,
      KEY: arn,
      INDEX_KEY: indexKey.current,
      ...more,
    },
  }
}

/** Runs a script until it ends by itself, and gives what it wrote; one that hangs is killed, and then this rejects. */
export async function outputOf({ path, execArgv, env }: ReturnType<typeof ownProcess>, timeout: number): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [...execArgv, path], { env, timeout })
  return stdout
}
