import type { Command } from 'commander'
import { type EncryptionContext, EnvelopeError, ERASED_TOKEN_ID, type ModelPlan } from 'prisma-envelope/rows'
import { retiredKeys } from '../config/retired-keys.ts'
import type { Diagnosis } from '../doctor/diagnosis.ts'
import { examine } from '../doctor/examine.ts'
import { keyStoreFindings, storedKeyUnder } from '../doctor/key-store.ts'
import { indexKeyFindings, indexKeyIds, keyringFindings } from '../doctor/keyring.ts'
import { lockFindings } from '../doctor/lock-file.ts'
import { type StoredKeys, type WrappedKey, wrappedKeyOf } from '../doctor/stored-keys.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { erase } from '../key-store/erase.ts'
import { readErased } from '../key-store/erasure-list.ts'
import type { Program } from '../program.ts'
import { selectedModels } from '../rows/table.ts'
import type { CommonOptions, Context } from './context.ts'

interface DoctorOptions extends CommonOptions {
  readonly lock?: string
  readonly estimate?: boolean
  readonly requireGuards?: boolean
  readonly erased?: string
}

/** A model whose rows were looked at. */
interface Seen {
  readonly model: string
  readonly plan: ModelPlan
  readonly stored: StoredKeys
}

export function addDoctor({ commander, run }: Program): void {
  commander
    .command('doctor')
    .summary('compare schema, lock file, database, keyring and KMS')
    .description(
      'Compares schema, lock file and database with each other, tries each key of the keyring on the KMS, and looks for rows whose key is in no keyring. Changes nothing, but for --erased: ' +
        'a user that may only read will do. Ends with 1 where an error was found; warnings and notes are for you to judge.',
    )
    .argument('[names...]', 'models, or fields as Model.field; all if none is given')
    .option('--lock <path>', 'lock file (default: prisma/envelope.lock.json or envelope.lock.json)')
    .option('--estimate', 'look at a sample of the rows of a huge table')
    .option('--require-guards', 'a database that would take plaintext is an error, not a warning')
    .option('--erased <path>', 'after a restore: erase the contexts of this list again (lines that `erase --json` printed)')
    .action((names: string[], _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<DoctorOptions>()
      return run(options, 1, (context) => diagnose(context, names, options))
    })
}

async function diagnose(context: Context, names: readonly string[], options: DoctorOptions): Promise<ExitCode> {
  const { config, sql, output, stop } = context
  const { lock, estimate = false, requireGuards = false, erased } = options
  const again = erased === undefined ? [] : await readErased(erased)
  const chosen = [...selectedModels(config.models, names)]
  const counts = { error: 0, warning: 0, note: 0 }
  const tell = (findings: readonly Diagnosis[]): void => {
    for (const finding of findings) {
      counts[finding.severity] += 1
      output.finding(finding)
    }
  }
  for (const erasedContext of again) tell(await erasedAgain(context, erasedContext))
  tell(
    await lockFindings(
      config.models,
      chosen.map(([model]) => model),
      lock,
      config.keyStore,
    ),
  )
  const seen: Seen[] = []
  for (const [model, fields] of chosen) {
    if (stop.aborted) break
    const plan = config.models[model] as ModelPlan
    const { findings, stored } = await examine(sql, model, plan, fields, {
      estimate,
      requireGuards,
      keyStore: config.keyStore,
    })
    tell(findings)
    if (stored === undefined) continue
    seen.push({ model, plan, stored })
    tell(storedFindings(context, model, stored))
  }
  if (!stop.aborted) {
    if (config.keyStore !== undefined) tell(await keyStoreFindings(sql, config.keyStore, keyNames(config)))
    tell(await keyringFindings(config, (kid) => sampleOf(context, seen, kid)))
    const isSearched = chosen.some(([model]) =>
      Object.values(config.models[model]?.columns ?? {}).some((c) => c.encrypted?.search !== undefined),
    )
    tell(await indexKeyFindings(config, isSearched))
  }
  const summary = `${counts.error} errors, ${counts.warning} warnings, ${counts.note} notes`
  output.result([...seen.map(describe), summary].join('\n'), {
    command: 'doctor',
    errors: counts.error,
    warnings: counts.warning,
    notes: counts.note,
    models: seen.map(({ model, stored }) => ({ model, ...stored })),
  })
  if (stop.aborted) return EXIT.interrupted
  return counts.error > 0 ? EXIT.wrong : EXIT.done
}

/** After a restore no process holds a key that was erased before. */
async function erasedAgain({ config, sql }: Context, erased: EncryptionContext): Promise<readonly Diagnosis[]> {
  const name = Object.entries(erased).map((pair) => pair.join('='))
  const model = config.keyStore?.model ?? 'keyStore'
  try {
    const { keys, rows } = await erase(sql, config, erased, 0)
    const count = Object.values(rows).reduce((sum, n) => sum + n, 0)
    if (keys === 0) return []
    return [
      {
        severity: 'warning',
        code: 'ERASED_AGAIN',
        model,
        meaning: `${keys} keys of the erased context ${name.join(', ')} had come back, and the tokens of ${count} rows: they are erased again`,
        remedy: 'nothing; whoever has read rows of it since the restore has their plaintext',
      },
    ]
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error
    return [
      {
        severity: 'error',
        code: 'ERASURE_INCOMPLETE',
        model: error.model ?? model,
        meaning: `the context ${name.join(', ')} can't be erased again: ${error.message}`,
        remedy: 'do what the message says, and run this again',
      },
    ]
  }
}

/** Rows under keys that nobody here has. */
function storedFindings(
  { config }: Context,
  model: string,
  { byKeys, byIndexKey, named, percent }: StoredKeys,
): readonly Diagnosis[] {
  const names = keyNames(config)
  const retired = retiredKeys(config)
  const ids = indexKeyIds(config)
  const looked = percent < 100 ? ` of the ${percent.toPrecision(2)} % looked at` : ''
  const findings: Diagnosis[] = []
  for (const { kids, rows } of byKeys) {
    if (kids === undefined)
      findings.push({
        severity: 'error',
        code: 'ENVELOPE_DAMAGED',
        model,
        meaning: `${rows} rows${looked} have an envelope that names no KMS key`,
        remedy: `run \`prisma-envelope-cli verify ${model}\`, which names the rows`,
      })
    else if (!kids.some((kid) => names.has(kid)))
      findings.push({
        severity: 'error',
        code: 'KEY_NOT_IN_KEYRING',
        model,
        key: kids.join(', '),
        meaning: `${rows} rows${looked} are sealed under it, and it is not in the keyring: they do not open`,
        remedy: 'add its provider to `keys.others`, under this very name',
      })
    else if (kids.every((kid) => retired.has(kid)))
      findings.push({
        severity: 'error',
        code: 'KEY_RETIRED',
        model,
        key: kids.join(', '),
        meaning: `${rows} rows${looked} are under it, and it stands behind \`minimumKey\`: applications refuse them`,
        remedy: 'run `prisma-envelope-cli rotate --rewrap`, or take `minimumKey` back until it is done',
      })
  }
  if (named.missing > 0)
    findings.push({
      severity: 'error',
      code: config.keyStore === undefined ? 'KEY_STORE_NOT_CONFIGURED' : 'STORED_KEY_MISSING',
      model,
      meaning: `${named.missing} rows${looked} name a branch key ${config.keyStore === undefined ? 'of a key store, and the configuration has none' : 'that the key store does not have'}: they do not open`,
      remedy:
        config.keyStore === undefined
          ? 'give `keyStore`, which the generated envelope module exports'
          : 'restore the rows of the key store from a backup, or read this table where its key store is',
    })
  if (named.erased > 0)
    findings.push({
      severity: 'note',
      code: 'ERASED',
      model,
      meaning: `${named.erased} rows${looked} name a branch key that is erased: nothing opens them any more`,
      remedy: 'nothing, or delete them',
    })
  for (const { field, id, rows } of byIndexKey.filter(({ id: found }) => found !== ERASED_TOKEN_ID && !ids.includes(found)))
    findings.push({
      severity: 'error',
      code: 'INDEX_KEY_NOT_CONFIGURED',
      model,
      field,
      key: id,
      meaning: `${rows} rows${looked} have tokens of an index key that is not configured: no search finds them, and unique values may be there twice`,
      remedy: 'add the index key to `indexKey.others`, or run `prisma-envelope-cli rotate --reindex`',
    })
  return findings
}

/** Some row's key under a KMS key; where the database goes away meanwhile, that was found before. */
async function sampleOf({ sql, config }: Context, seen: readonly Seen[], kid: string): Promise<WrappedKey | undefined> {
  for (const { plan, stored } of seen) {
    if (!stored.byKeys.some(({ kids }) => kids?.includes(kid))) continue
    const found = await wrappedKeyOf(sql, plan, kid).catch(() => undefined)
    if (found !== undefined) return found
  }
  return config.keyStore === undefined ? undefined : storedKeyUnder(sql, config.keyStore, kid).catch(() => undefined)
}

function keyNames({ keys }: Context['config']): ReadonlySet<string> {
  return new Set([keys.current, ...(keys.others ?? [])].map(({ name }) => name))
}

function describe({ model, stored: { rows, percent, byKeys, named } }: Seen): string {
  const keys = byKeys.map(({ kids, rows: count }) => `${count} under ${kids?.join(' + ') ?? 'no key'}`)
  if (named.erased > 0) keys.push(`${named.erased} erased`)
  const looked = percent < 100 ? ` (${percent.toPrecision(2)} % of the table)` : ''
  return `${model}: ${rows} rows${looked}${keys.length > 0 ? `, ${keys.join(', ')}` : ', none encrypted'}`
}
