import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { LocalKms } from '@prisma-envelope/local-kms'

const bin = fileURLToPath(new URL('../../packages/cli/bin/prisma-envelope-cli.js', import.meta.url))
const config = fileURLToPath(new URL('./envelope.config.ts', import.meta.url))

/** What `envelope.config.ts` of the tests is made of. */
export interface CliSetup {
  readonly databaseUrl: string
  readonly kms: LocalKms
  /** Key name to ARN, the current one first. */
  readonly keys: Readonly<Record<string, string>>
  /** Wrapped index keys, the current one first. */
  readonly indexKeys: readonly string[]
  readonly minimumKey?: string
  /** Whether the configuration has a key store. */
  readonly keyStore?: boolean
  /** Whether it says which of two tenants a row belongs to. */
  readonly halves?: boolean
  /** Milliseconds for the KMS calls of a batch. */
  readonly deadline?: number
  /** Rows that one branch key serves. */
  readonly branchRows?: number
}

export interface CliResult {
  /** 128 + the signal's number is not used: a process that was killed has null. */
  readonly code: number | null
  readonly out: string
  readonly err: string
  /** Of `--json`. */
  readonly events: readonly Readonly<Record<string, unknown>>[]
  /** The event `result` of `--json`. */
  readonly result: Readonly<Record<string, unknown>> | undefined
}

export interface RunningCli {
  readonly process: ChildProcess
  readonly ended: Promise<CliResult>
  /** Resolves once the process has written the text; rejects where it ends without. */
  readonly printed: (text: string) => Promise<void>
}

/** Starts the built command line as a user would, in a process of its own. */
export function startCli(setup: CliSetup, args: readonly string[]): RunningCli {
  const child = spawn(process.execPath, [bin, '--config', config, ...args], {
    env: {
      ...process.env,
      // The SDK tells of its plans for Node versions.
      NODE_NO_WARNINGS: '1',
      CLI_TEST_KMS_URL: setup.kms.url,
      CLI_TEST_KMS_REGION: setup.kms.region,
      CLI_TEST_KMS_ACCESS_KEY: setup.kms.credentials.accessKeyId,
      CLI_TEST_KMS_SECRET_KEY: setup.kms.credentials.secretAccessKey,
      CLI_TEST_KEYS: Object.entries(setup.keys)
        .map((pair) => pair.join('='))
        .join(','),
      CLI_TEST_INDEX_KEYS: setup.indexKeys.join(','),
      CLI_TEST_DATABASE_URL: setup.databaseUrl,
      CLI_TEST_MINIMUM_KEY: setup.minimumKey ?? '',
      CLI_TEST_KEY_STORE: setup.keyStore === true ? '1' : '',
      CLI_TEST_HALVES: setup.halves === true ? '1' : '',
      CLI_TEST_DEADLINE: String(setup.deadline ?? ''),
      CLI_TEST_BRANCH_ROWS: String(setup.branchRows ?? ''),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const ended = once(child, 'close').then(([code]): CliResult => {
    const events = out.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Record<string, unknown>] : []))
    return { code: code as number | null, out, err, events, result: events.find(({ event }) => event === 'result') }
  })
  const printed = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!out.includes(text) && !err.includes(text)) return
        child.stdout.off('data', look)
        child.stderr.off('data', look)
        resolve()
      }
      child.stdout.on('data', look)
      child.stderr.on('data', look)
      child.once('close', () => reject(new Error(`the process ended and did not print ${text}: ${out}${err}`)))
      look()
    })
  return { process: child, ended, printed }
}

export function runCli(setup: CliSetup, args: readonly string[]): Promise<CliResult> {
  return startCli(setup, args).ended
}
