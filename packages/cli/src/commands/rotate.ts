import type { Command } from 'commander'
import type { Checkpoint } from '../batches/checkpoint.ts'
import type { Task } from '../batches/task.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { type RewrapStoredResult, rewrapStoredKeys } from '../key-store/rewrap-stored.ts'
import { createMovedKeys, type MovedKeys } from '../keys/moved-keys.ts'
import type { Program } from '../program.ts'
import { placementOf } from '../rows/placement.ts'
import type { Table } from '../rows/table.ts'
import type { Context } from './context.ts'
import { rationed } from './rationed.ts'
import { reencryptTask } from './reencrypt-task.ts'
import { reindexTask } from './reindex-task.ts'
import { announceCost } from './rewrap-cost.ts'
import { rewrapTask } from './rewrap-task.ts'
import {
  checkpointFor,
  currentIndexKeyId,
  type RotateOptions,
  type RotationKind,
  requireOldKey,
  rotationKind,
  tokenFields,
  wholeModels,
} from './rotate-options.ts'
import { addRowOptions, exitCodeOf, kmsCalls, type ModelResult, resultsForPrograms, runOverModels } from './row-command.ts'

const BEYOND_REACH = `Old backups, the WAL and dead tuples still hold rows as they were: keep an old KMS key, disabled, for as long as one may have to be
restored. An index key that the old KMS key wraps needs that key too.`

export function addRotate({ commander, run }: Program): void {
  addRowOptions(commander.command('rotate'))
    .summary('move rows to another KMS key, to fresh DEKs, or to another index key')
    .description(
      'Moves sealed rows to new keys, beside applications that have the new key as `current` and the old one in `others`. Exactly one of --rewrap, --reencrypt and --reindex says which. Stop it and start it again at any time.',
    )
    .option('--rewrap', 'wrap keys by `keys.current`: each distinct one once; ciphertexts stay as they are')
    .option('--reencrypt', 'seal each row anew, under a fresh DEK and a new branch key of `keys.current`')
    .option('--reindex', 'recompute tokens under `indexKey.current`')
    .option('--from <kid>', 'with --rewrap and --reencrypt: only rows under this KMS key, which is not the current one')
    .option(
      '--all',
      'with --rewrap: rows under the current name too, for an alias that was pointed to another key; with --reindex: all tokens, after a change of normalize, scope or index',
    )
    .option('--verify', 'with --rewrap: unwrap each key again and compare before its rows are written, by one more KMS call')
    .option('--state <path>', 'file of how far --reencrypt and --rewrap --all came (default: .prisma-envelope-….json here)')
    .option('--restart', 'begin anew, whatever that file says')
    .addHelpText('after', `\n${BEYOND_REACH}`)
    .action((names: string[], _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<RotateOptions>()
      const kind = rotationKind(options)
      return run({ ...options, freshKeys: kind === 'reencrypt' }, options.workers + 1, (context) =>
        rotate(context, kind, names, options),
      )
    })
}

async function rotate(context: Context, kind: RotationKind, names: readonly string[], options: RotateOptions): Promise<ExitCode> {
  const { config, keyring, sql, output, stop } = context
  const { dryRun = false } = options
  const selected = kind === 'reindex' ? tokenFields(config, names) : wholeModels(config, names)
  requireOldKey(options.from, keyring)
  const checkpoint = checkpointFor(config, keyring.current.name, kind, selected, options)
  if (checkpoint?.resumed !== undefined)
    output.note(`going on with the run that began at ${checkpoint.resumed}; --restart would do its rows again`)
  const before = kmsCalls(context)
  const moved = movedKeys(context, options)
  const stored = kind === 'rewrap' ? await rewrapStored(context, selected, options, moved) : undefined

  const results = await runOverModels(
    context,
    selected,
    options,
    (table, fields) => taskOf({ context, kind, options, moved, checkpoint }, table, fields),
    kind === 'reindex' ? 'columns' : 'nothing',
  )

  if (!stop.aborted && results.every(({ complete }) => complete)) checkpoint?.finish()
  for (const { table, written } of kind === 'reindex' && !dryRun ? results : [])
    if (written > 0) await sql.unsafe(`ANALYZE ${table.sql}`)
  const calls = kmsCalls(context) - before
  output.result(describe(kind, results, dryRun, calls, stored), {
    command: 'rotate',
    kind,
    dryRun,
    models: resultsForPrograms(results),
    kmsCalls: calls,
    ...(kind === 'rewrap' && { wrappedKeys: moved.moved }),
    ...(stored !== undefined && { storedKeys: stored }),
    ...(checkpoint?.resumed !== undefined && { resumed: checkpoint.resumed }),
  })
  return !stop.aborted && (stored?.refused ?? 0) > 0 ? EXIT.wrong : exitCodeOf(results, stop)
}

interface Rotation {
  readonly context: Context
  readonly kind: RotationKind
  readonly options: RotateOptions
  readonly moved: MovedKeys
  readonly checkpoint: Checkpoint | undefined
}

async function taskOf(rotation: Rotation, table: Table, fields: ReadonlySet<string>): Promise<Task> {
  const { context, kind, moved, checkpoint } = rotation
  const { from, all = false, verify = false } = rotation.options
  const allOnce = checkpoint?.of(table.model) ?? { after: undefined, rows: 0, refused: 0, reached: () => {} }
  switch (kind) {
    case 'rewrap': {
      const task = rewrapTask(table, {
        current: context.keyring.current.name,
        from,
        once: all ? allOnce : undefined,
        keys: moved,
        areStoredDone: context.config.keyStore !== undefined,
      })
      await announceCost(context, table, task.where(), verify ? 3 : 2)
      return task
    }
    case 'reencrypt':
      return reencryptTask(
        table,
        from === undefined ? { once: allOnce } : { from, keyStore: context.config.keyStore },
        placementOf(context, 'rotate'),
      )
    case 'reindex':
      return reindexTask(table, {
        fields,
        indexKeyId: currentIndexKeyId(context.config),
        once: all ? allOnce : undefined,
      })
  }
}

/** The keys in the key store: envelopes that name them stay as they are. */
async function rewrapStored(
  { config, sql, keyring, output, stop }: Context,
  models: readonly string[],
  { from, all = false, dryRun = false, patience }: RotateOptions,
  moved: MovedKeys,
): Promise<RewrapStoredResult | undefined> {
  if (config.keyStore === undefined) return undefined
  const tables = models.flatMap((model) => config.models[model]?.table.identity ?? [])
  const { model } = config.keyStore
  const onRetry = (error: unknown): void =>
    output.note(`${model}: trying again after ${(error as { code?: string }).code ?? 'an error'}`)
  const options = { current: keyring.current.name, tables, from, all, dryRun, moved }
  return rewrapStoredKeys(
    sql,
    config.keyStore,
    { ...options, patience: { patience: patience * 1000, stop, onRetry } },
    output.finding,
  )
}

/** As the AWS SDK opens 50 sockets by default. */
const CALLS_SIDE_BY_SIDE = 25
const REMEMBERED_KEYS = 50_000

function movedKeys({ config, keys, keyring }: Context, options: RotateOptions): MovedKeys {
  const { batch, workers, verify = false } = options
  return createMovedKeys({
    keys,
    keyring,
    remembered: Math.max(REMEMBERED_KEYS, 2 * batch * workers),
    sideBySide: rationed(CALLS_SIDE_BY_SIDE, options, config),
    verify,
  })
}

const DONE: Readonly<Record<RotationKind, string>> = {
  rewrap: 'rows moved to the current KMS key',
  reencrypt: 'rows sealed anew',
  reindex: 'rows given tokens of the current index key',
}

function describe(
  kind: RotationKind,
  results: readonly ModelResult[],
  dryRun: boolean,
  calls: number,
  stored: RewrapStoredResult | undefined,
): string {
  const lines = results.map(({ model, written, refused, complete }) => {
    const left = refused > 0 ? `, ${refused} left as they were` : ''
    return `${model}: ${written} ${DONE[kind]}${left}${dryRun ? ' (not really: --dry-run)' : ''}${complete ? '' : ' (not finished)'}`
  })
  const left = stored !== undefined && stored.refused > 0 ? `, ${stored.refused} left as they were` : ''
  const named =
    stored === undefined ? [] : [`${stored.written} stored keys moved to the current KMS key, for all rows that name them${left}`]
  return [...named, ...lines, `${calls} KMS calls`, ...(kind === 'reindex' || dryRun ? [] : [BEYOND_REACH])].join('\n')
}
