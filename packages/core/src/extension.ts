import { asGenuine } from './assert-encrypted.ts'
import { transactionOf } from './batch.ts'
import { createRowCipher, fieldSetId } from './envelope/index.ts'
import { EnvelopeError } from './errors.ts'
import { createKeys } from './keys/key-service.ts'
import { createKeyring } from './keys/keyring.ts'
import { type EnvelopeOptions, resolveOptions } from './options.ts'
import { globallyOmitted, type HookParams, internalsOf, type ParentClient, partOf, rootOf } from './prisma-internals.ts'
import { createAccessLog } from './rewrite/access.ts'
import { foreignWriteReporter } from './rewrite/foreign-writes.ts'
import { isInput } from './rewrite/input.ts'
import { type ManualEnvelope, manualEnvelope } from './rewrite/manual.ts'
import { compileModels, type Model, type Models } from './rewrite/model.ts'
import { runOperation } from './rewrite/operation.ts'
import { RawSqlCheck } from './rewrite/raw-sql.ts'
import type { Tools } from './rewrite/rewriting.ts'
import type { HiddenFields } from './rewrite/selection.ts'
import { TransactionLocks } from './transaction-locks.ts'
import { callOf } from './transactions.ts'
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
  const { prisma, indexKey, wrap, cache, branch, deadline, modeOf } = config
  const keys = createKeys({
    keyring: createKeyring(config.keys),
    mode: wrap,
    cache,
    branch,
    ...(indexKey !== undefined && { indexKey }),
    ...(deadline !== undefined && { deadline }),
  })
  const models = compileModels(config.models, prisma, { codec: compileCodec, bind: bindValue, fieldSetId, modeOf })
  const reportForeignWrite = foreignWriteReporter(config.onForeignWrite)
  const accesses = createAccessLog(config.onAccess)
  const tools: Tools = { cipher: createRowCipher({ keys }), bind: bindValue, prisma, reportForeignWrite, accesses }
  const raw = new RawSqlCheck(config.raw, models)
  const $envelope = asGenuine(manualEnvelope(models, tools), plainFields(models))
  const locks = new TransactionLocks()

  function extend(client: ParentClient): ReturnType<EnvelopeExtension> {
    const surroundings = { root: rootOf(client), keys, tools, locks, hidden: hiddenFields(client) }
    const extended = client.$extends({
      name: 'prisma-envelope',
      client: { $envelope, $transaction: transactionOf(client) },
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
          const result = await runOperation(callOf(surroundings, params, internal, model, args), tools)
          return internal.dataPath.length === 0 ? result : partOf(result, internal.dataPath)
        },
      },
    })
    return extended as ReturnType<EnvelopeExtension>
  }
  return (client) => extend(client as ParentClient)
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
