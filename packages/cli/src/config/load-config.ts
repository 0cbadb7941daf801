import { loadConfig as load } from 'c12'
import { EnvelopeError, type ModelsPlan } from 'prisma-envelope/rows'
import { UsageError } from '../usage-error.ts'
import type { CliConfig } from './config.ts'

/** Options that every command takes, by which the command line overrides the file. */
export interface ConfigOverrides {
  /** Path of the configuration file; else `envelope.config.*` in the working directory. */
  readonly config?: string
  readonly databaseUrl?: string
  readonly prepare?: boolean
}

const KNOWN = new Set<string>([
  'models',
  'keys',
  'indexKey',
  'minimumKey',
  'keyStore',
  'database',
  'wrap',
  'branch',
  'cache',
  'deadline',
  'context',
  'key',
  'kms',
] satisfies (keyof CliConfig)[])

/**
 * Reads the configuration file: it alone, as nothing else on the machine may decide which keys seal a row.
 *
 * @throws UsageError where there is none, or it is wrong.
 */
export async function loadConfig(overrides: ConfigOverrides): Promise<CliConfig> {
  const { config: loaded } = await load<CliConfig>({
    configFile: overrides.config ?? 'envelope.config',
    configFileRequired: false,
    rcFile: false,
    globalRc: false,
    packageJson: false,
    extend: false,
    giget: false,
    dotenv: false,
    envName: false,
  }).catch((error: unknown) => {
    throw error instanceof EnvelopeError ? error : new UsageError(`the configuration can't be loaded: ${messageOf(error)}`)
  })
  if (loaded === undefined || loaded === null || Object.keys(loaded).length === 0) {
    const where = overrides.config ?? 'envelope.config.ts in the working directory'
    throw new UsageError(
      `there is no configuration at ${where}: let it export defineConfig({ models, keys, indexKey, database })`,
    )
  }
  return validConfig(loaded, overrides)
}

function validConfig(given: CliConfig, { databaseUrl, prepare }: ConfigOverrides): CliConfig {
  for (const name of Object.keys(given)) {
    if (!KNOWN.has(name))
      throw new UsageError(`the configuration has an unknown option \`${name}\`; known are ${[...KNOWN].join(', ')}`)
  }
  const config: CliConfig = {
    ...given,
    database: {
      ...given.database,
      ...(databaseUrl !== undefined && { url: databaseUrl }),
      // Given as `--no-prepare` or not at all.
      ...(prepare === false && { prepare }),
    },
  }
  if (typeof config.models !== 'object' || config.models === null || Object.keys(config.models).length === 0)
    throw new UsageError('`models` of the configuration must be the export of this name of the generated envelope module')
  if (typeof config.keys?.current !== 'object') throw new UsageError('`keys.current` of the configuration must be a key provider')
  if (typeof config.database.url !== 'string' || config.database.url === '')
    throw new UsageError('`database.url` of the configuration is missing: give it there, or by --database-url')
  const { keyStore, keys, minimumKey } = config
  for (const name of ['context', 'key'] as const) {
    if (config[name] !== undefined && typeof config[name] !== 'function')
      throw new UsageError(`\`${name}\` of the configuration must be a function, as in the application's options`)
  }
  if (minimumKey !== undefined && ![keys.current, ...(keys.others ?? [])].some(({ name }) => name === minimumKey))
    throw new UsageError('`minimumKey` of the configuration must be the name of a key of `keys`')
  if (keyStore !== undefined && (typeof keyStore?.table?.name !== 'string' || typeof keyStore.columns !== 'object'))
    throw new UsageError('`keyStore` of the configuration must be the export of this name of the generated envelope module')
  const schema = schemaOf(config.database.url)
  return {
    ...config,
    models: inSchema(config.models, schema),
    ...(keyStore !== undefined && {
      keyStore: { ...keyStore, table: { ...(schema !== undefined && { schema }), ...keyStore.table } },
    }),
  }
}

/** What Prisma's parameter `?schema=` says. */
function schemaOf(url: string): string | undefined {
  try {
    return new URL(url).searchParams.get('schema') ?? undefined
  } catch {
    throw new UsageError(
      '`database.url` of the configuration is no URL: write it as postgresql://user:password@host:port/database',
    )
  }
}

/** Tables without a schema of their own stand in the connection's. A pooler passes no `search_path` on. */
function inSchema(models: ModelsPlan, schema: string | undefined): ModelsPlan {
  if (schema === undefined) return models
  return Object.fromEntries(
    Object.entries(models).map(([name, model]) => [name, { ...model, table: { schema, ...model.table } }]),
  )
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
