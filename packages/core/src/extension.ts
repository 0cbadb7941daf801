import { asGenuine } from './assert-encrypted.ts'
import { transactionOf } from './batch.ts'
import { createRowCipher, fieldSetId } from './envelope/index.ts'
import { eraser } from './erase.ts'
import { EnvelopeError } from './errors.ts'
import { createKeys, type KeyService } from './keys/key-service.ts'
import { snapshotOf } from './keys/key-stats.ts'
import { createKeyring, type Keyring } from './keys/keyring.ts'
import { type Config, type EnvelopeOptions, resolveOptions } from './options.ts'
import { preloader } from './preload.ts'
import {
  carrying,
  globallyOmitted,
  type HookParams,
  internalsOf,
  type ParentClient,
  partOf,
  type RootClient,
  rootOf,
  runPast,
  settingsIn,
} from './prisma-internals.ts'
import { prismaKeyStore } from './prisma-key-store.ts'
import { createAccessLog } from './rewrite/access.ts'
import { foreignWriteReporter } from './rewrite/foreign-writes.ts'
import { type Input, isInput } from './rewrite/input.ts'
import { type ManualEnvelope, manualEnvelope } from './rewrite/manual.ts'
import { compileModels, type Model, type Models } from './rewrite/model.ts'
import { runOperation } from './rewrite/operation.ts'
import { RawSqlCheck } from './rewrite/raw-sql.ts'
import type { Tools } from './rewrite/rewriting.ts'
import type { HiddenFields } from './rewrite/selection.ts'
import { rowPolicy } from './row-policy.ts'
import { currentSettings, type EnvelopeSettings, mergedSettings, NO_SETTINGS } from './settings.ts'
import { settable } from './settings-client.ts'
import { TransactionLocks } from './transaction-locks.ts'
import { callOf, withinTransaction } from './transactions.ts'
import { bindValue, compileCodec } from './values/index.ts'

/** What `$extends` takes; adds `$envelope` to the client and leaves its types as they are. */
export type EnvelopeExtension = (client: unknown) => {
  $extends: { extArgs: { result: {}; model: {}; query: {}; client: { $envelope: () => ManualEnvelope } } }
}

/**
 * Field-level envelope encryption as a Prisma Client extension. Apply it last, so that other extensions see plaintext.
 *
 * @example
 * const prisma = new PrismaClient({ adapter, omit }).$extends(envelopeEncryption({ Prisma, models, keys, indexKey }))
 *
 * @throws EnvelopeError `CONFIG`, `UNSUPPORTED`
 */
export function envelopeEncryption(options: EnvelopeOptions): EnvelopeExtension {
  const config = resolveOptions(options)
  const { prisma, modeOf, wrap } = config
  const keyring = createKeyring({ ...config.keys, minimumKey: config.minimumKey })
  const models = compileModels(config.models, prisma, { codec: compileCodec, bind: bindValue, fieldSetId, modeOf })
  const common = {
    bind: bindValue,
    prisma,
    reportForeignWrite: foreignWriteReporter(config.onForeignWrite),
    accesses: createAccessLog(config.onAccess),
    unreadable: config.unreadable,
    policy: rowPolicy(config, keyring.active),
  }
  const raw = new RawSqlCheck(config.raw, models)
  const locks = new TransactionLocks()

  const keysOf = keyServices(config, keyring)

  function extend(client: ParentClient): ReturnType<EnvelopeExtension> {
    const root = rootOf(client)
    const keys = keysOf(root)
    const cipher = createRowCipher({ keys })
    const toolsFor = (settings: EnvelopeSettings): Tools => ({ ...common, cipher, settings: currentSettings(settings) })
    const preload = preloader(models, keys, wrap)
    const stats = () => snapshotOf(keys.stats)
    const erase = eraser(root, config)
    const envelopeOf = (settings: EnvelopeSettings): ManualEnvelope => {
      const functions = { ...manualEnvelope(models, () => toolsFor(settings)), preload, stats, erase }
      const carry = (derived: ParentClient, more: unknown): object => {
        const merged = mergedSettings(settings, more)
        return carrying(derived, merged, { $envelope: envelopeOf(merged) })
      }
      return asGenuine(settable(functions, carry), plainFields(models))
    }
    const surroundings = {
      root,
      keys,
      locks,
      hidden: hiddenFields(client),
      keyStore: config.keyStore?.model,
      ciphers: new WeakMap(),
    }
    const extended = client.$extends({
      name: 'prisma-envelope',
      client: { $envelope: envelopeOf(NO_SETTINGS), $transaction: transactionOf(client, () => keys.makeMissedKeys()) },
      query: {
        async $allOperations(params: HookParams): Promise<unknown> {
          const { operation, query } = params
          const args = params.args ?? {}
          if (params.model === undefined) {
            raw.check(operation, args)
            const { transaction } = internalsOf(params)
            return transaction?.kind === 'itx'
              ? locks.together(String(transaction.id), () => query(params.args))
              : query(params.args)
          }
          const model = models.get(params.model)
          if (model === undefined) throw staleModel(params.model)
          if (!model.reachesSealing || !isInput(args)) return query(params.args)
          const internal = internalsOf(params)
          const tools = toolsFor(settingsIn(internal) ?? NO_SETTINGS)
          const within = withinTransaction({ ...surroundings, tools }, internal.transaction)
          const result = await runOperation(callOf(within, params, internal, model, args), within.tools)
          return internal.dataPath.length === 0 ? result : partOf(result, internal.dataPath)
        },
      },
    })
    return extended as ReturnType<EnvelopeExtension>
  }
  return (client) => extend(client as ParentClient)
}

/**
 * The key layer of each database. Without a key store one is enough for all clients that the extension is applied to; what one knows of a key store must not be
 * said of another.
 */
function keyServices(config: Config, keyring: Keyring): (root: RootClient) => KeyService {
  const { keyStore, indexKey, deadline, wrap, cache, branch, kms } = config
  const create = (): KeysOfDatabase => {
    const own: KeysOfDatabase = {
      root: undefined,
      keys: createKeys({
        keyring,
        mode: wrap,
        cache,
        branch,
        kms,
        ...(keyStore !== undefined && {
          keyStore: prismaKeyStore((operation, args) => runBeside(own.root, keyStore.model, operation, args)),
        }),
        ...(indexKey !== undefined && { indexKey }),
        ...(deadline !== undefined && { deadline }),
      }),
    }
    return own
  }
  // Wrong options are told before any client is there.
  const first = create()
  if (keyStore === undefined) return () => first.keys
  const services = new WeakMap<RootClient, KeyService>()
  return (root) => {
    const known = services.get(root)
    if (known !== undefined) return known
    const own = first.root === undefined ? first : create()
    own.root = root
    services.set(root, own.keys)
    return own.keys
  }
}

interface KeysOfDatabase {
  /** Where the key store is read; undefined before there is a client. */
  root: RootClient | undefined
  readonly keys: KeyService
}

function runBeside(root: RootClient | undefined, model: string, operation: string, args: Input): Promise<unknown> {
  if (root === undefined) throw new Error('there is no client yet')
  return runPast(root, model, operation, args, undefined)
}

function plainFields(models: Models): readonly string[] {
  return [...models.values()].flatMap(({ name, sealing }) =>
    (sealing?.encrypted ?? []).flatMap((field) => (field.mode === 'plain' ? [`${name}.${field.name}`] : [])),
  )
}

/** A plan older than the client would let a new model's columns pass unseen. */
function staleModel(model: string): EnvelopeError {
  return new EnvelopeError('CONFIG', 'the generated plan does not know this model: run `prisma generate` and pass its `models`', {
    model,
  })
}

/** Bound columns that the client's global `omit` hides are read for opening, and hidden again. */
function hiddenFields(client: ParentClient): HiddenFields {
  const omitted = globallyOmitted(client)
  const byModel = new Map<Model, ReadonlySet<string>>()
  return (model) => {
    let names = byModel.get(model)
    if (names === undefined) {
      const own = omitted[model.name.charAt(0).toLowerCase() + model.name.slice(1)] ?? {}
      names = new Set(Object.keys(own).filter((name) => own[name] === true))
      byModel.set(model, names)
    }
    return names
  }
}
