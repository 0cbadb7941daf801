import {
  createKeyring,
  createKeys,
  type Keyring,
  type KeyService,
  type KeyStore,
  type KeyStorePlan,
  type KmsOptions,
} from 'prisma-envelope/rows'
import type { CliConfig } from '../config/config.ts'
import { type ConfigOverrides, loadConfig } from '../config/load-config.ts'
import { type Connection, connect } from '../database/connection.ts'
import { sqlKeyStore, withFreshKeys } from '../key-store/key-store.ts'
import { jsonOutput, lineOutput, type Output, type Streams } from '../progress/output.ts'
import { terminalOutput } from '../progress/terminal.ts'

/** Options that every command takes. */
export interface CommonOptions extends ConfigOverrides {
  readonly json?: boolean
  readonly kmsRate?: number
  /** Rows are sealed under stored keys that no application has used before. */
  readonly freshKeys?: boolean
}

/** What a command works with. */
export interface Context {
  readonly config: CliConfig
  readonly sql: Connection
  readonly keyring: Keyring
  readonly keys: KeyService
  readonly output: Output
  /** Aborted by SIGINT and SIGTERM: finish what is under way, and end. */
  readonly stop: AbortSignal
}

function policyOf({ kms = {} }: CliConfig, kmsRate: number | undefined): KmsOptions {
  return kmsRate === undefined ? kms : { ...kms, callsPerSecond: kmsRate }
}

/**
 * Loads the configuration, opens connections and keys, runs `work` and closes all.
 *
 * @param connections at most
 */
export async function withContext<T>(
  options: CommonOptions,
  streams: Streams,
  connections: number,
  work: (context: Context) => Promise<T>,
): Promise<T> {
  const config = await loadConfig(options)
  const keyring = createKeyring(config.keys)
  // Keys are read and added beside the transactions of rows.
  const storeConnection = config.keyStore === undefined ? undefined : connect(config, 1)
  const keys = createKeys({
    keyring,
    ...(config.keyStore !== undefined &&
      storeConnection !== undefined && { keyStore: keyStoreOf(storeConnection, config.keyStore, options) }),
    ...(config.indexKey !== undefined && { indexKey: config.indexKey }),
    ...(config.wrap !== undefined && { mode: config.wrap }),
    ...(config.branch !== undefined && { branch: config.branch }),
    ...(config.cache !== undefined && { cache: config.cache }),
    ...(config.deadline !== undefined && { deadline: config.deadline }),
    kms: policyOf(config, options.kmsRate),
  })
  const sql = connect(config, connections)
  const output =
    options.json === true ? jsonOutput(streams) : streams.err.isTTY === true ? terminalOutput(streams) : lineOutput(streams)
  const stop = new AbortController()
  const interrupt = (): void => {
    // A second signal does not wait.
    if (stop.signal.aborted) process.exit(130)
    output.note('stopping: batches that are under way are finished first')
    stop.abort()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt)
  try {
    return await work({ config, sql, keyring, keys, output, stop: stop.signal })
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt)
    output.close()
    await Promise.all([sql.end({ timeout: 5 }), storeConnection?.end({ timeout: 5 })])
  }
}

function keyStoreOf(sql: Connection, plan: KeyStorePlan, { freshKeys = false }: CommonOptions): KeyStore {
  const store = sqlKeyStore(sql, plan)
  return freshKeys ? withFreshKeys(store) : store
}
