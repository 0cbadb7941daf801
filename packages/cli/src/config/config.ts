import type { ContextOf, KeyOf, KeyProvider, KeyStorePlan, KeysOptions, KmsOptions, ModelsPlan } from 'prisma-envelope/rows'

/** What `envelope.config.ts` exports by default. */
export interface CliConfig {
  /** `models` of the generated envelope module. */
  readonly models: ModelsPlan
  /** The application's own keyring: `current` seals, `others` open too. */
  readonly keys: { readonly current: KeyProvider; readonly others?: readonly KeyProvider[] }
  /** That of the application: rows under keys that stand behind it in `[current, ...others]` are reported by `status`, `verify` and `doctor`. */
  readonly minimumKey?: string
  /** The application's own index key. Required where a field is `searchable`. */
  readonly indexKey?: { readonly current: string; readonly others?: readonly string[] }
  /** `keyStore` of the generated envelope module, where the schema has a model marked `@envelopeKeys`. */
  readonly keyStore?: KeyStorePlan
  readonly database: {
    /** A PostgreSQL connection string, of a user that may read and write the tables. */
    readonly url: string
    /** `false` behind PgBouncer in transaction mode. Default true. */
    readonly prepare?: boolean
  }
  /** How DEKs of new envelopes are wrapped, as in the extension's options. */
  readonly wrap?: 'stored' | 'branch' | 'direct'
  readonly branch?: NonNullable<KeysOptions['branch']>
  /** That of the application: `erase` waits for as long as its processes hold keys. */
  readonly cache?: NonNullable<KeysOptions['cache']>
  /** Milliseconds that one batch gives to its KMS calls. Default 5,000. */
  readonly deadline?: number
  /**
   * The application's own: `encrypt` seals rows under the context that it gives them. Settings are empty, and the operation's name is `encrypt`. Rows that are
   * sealed keep their context, whatever command writes them.
   */
  readonly context?: ContextOf
  /** The application's own: `encrypt` and `rotate --reencrypt` seal each row under the KMS key of this name, and not under the current one. */
  readonly key?: KeyOf
  /** Attempts, rate and circuit breaker of the KMS calls, as in the extension's options. */
  readonly kms?: KmsOptions
}

/** Gives the configuration its type; returns it as it is. */
export function defineConfig(config: CliConfig | (() => CliConfig | Promise<CliConfig>)): typeof config {
  return config
}
