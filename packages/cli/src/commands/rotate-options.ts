import { createHash } from 'node:crypto'
import type { Keyring } from 'prisma-envelope/rows'
import { type Checkpoint, openCheckpoint } from '../batches/checkpoint.ts'
import type { CliConfig } from '../config/config.ts'
import { mayHoldToken, selectedModels } from '../rows/table.ts'
import { UsageError } from '../usage-error.ts'
import type { RowOptions } from './row-command.ts'

export type RotationKind = 'rewrap' | 'reencrypt' | 'reindex'

export interface RotateOptions extends RowOptions {
  readonly rewrap?: boolean
  readonly reencrypt?: boolean
  readonly reindex?: boolean
  readonly from?: string
  readonly all?: boolean
  readonly verify?: boolean
  readonly state?: string
  readonly restart?: boolean
}

/** @throws UsageError for options that don't go together */
export function rotationKind(options: RotateOptions): RotationKind {
  const [kind, ...more] = (['rewrap', 'reencrypt', 'reindex'] as const).filter((name) => options[name] === true)
  if (kind === undefined || more.length > 0)
    throw new UsageError('rotate takes exactly one of --rewrap, --reencrypt and --reindex')
  const takes = (option: 'from' | 'all' | 'verify', kinds: readonly RotationKind[]): void => {
    if (options[option] !== undefined && !kinds.includes(kind)) throw new UsageError(`--${kind} takes no --${option}`)
  }
  takes('from', ['rewrap', 'reencrypt'])
  takes('all', ['rewrap', 'reindex'])
  takes('verify', ['rewrap'])
  if (options.from !== undefined && options.all === true) throw new UsageError('--from and --all contradict each other')
  if ((options.state !== undefined || options.restart === true) && !leavesNoMark(kind, options))
    throw new UsageError(
      '--state and --restart are for --reencrypt without --from, and --rewrap --all: all else is resumed from the rows',
    )
  return kind
}

/** Whether a row that is done looks like one that is not, so that a file has to tell how far a run came. */
function leavesNoMark(kind: RotationKind, { from, all = false }: RotateOptions): boolean {
  return kind === 'reencrypt' ? from === undefined : kind === 'rewrap' && all
}

/** @throws UsageError where rows can't be moved from a key of this name */
export function requireOldKey(from: string | undefined, { current, names }: Keyring): void {
  if (from === undefined) return
  if (from === current.name)
    throw new UsageError(
      `--from ${from}: that is the current key. Give its provider another name, and one of the old name to keys.others`,
    )
  if (!names.includes(from))
    throw new UsageError(`--from ${from}: the keyring has no key of this name; it has ${names.join(', ')}`)
}

/** @throws UsageError where fields are named: keys are those of whole rows */
export function wholeModels({ models }: CliConfig, names: readonly string[]): readonly string[] {
  const field = names.find((name) => name.includes('.'))
  if (field !== undefined) throw new UsageError(`${field}: a key is that of a whole row: name models, not fields`)
  return [...selectedModels(models, names).keys()]
}

/** @throws UsageError where what is named can have no tokens */
export function tokenFields({ models }: CliConfig, names: readonly string[]): readonly string[] {
  const chosen = [...selectedModels(models, names)].flatMap(([model, fields]) =>
    [...fields]
      .filter((field) => {
        const plan = models[model]?.columns[field]
        return plan !== undefined && mayHoldToken({ plan })
      })
      .map((field) => `${model}.${field}`),
  )
  const idle = names.find((name) => !chosen.some((field) => field === name || field.startsWith(`${name}.`)))
  if (idle !== undefined) throw new UsageError(`${idle} can't be searchable: only texts have tokens`)
  if (chosen.length === 0) throw new UsageError('no encrypted field is a text: there are no tokens')
  return chosen
}

/** The current index key as it stands in tokens; undefined where there is none, as no field is searchable. */
export function currentIndexKeyId({ indexKey }: CliConfig): string | undefined {
  // The key layer has checked the line.
  return indexKey?.current.split('.')[1]
}

/** The file that tells how far a run came, for those that need one. */
export function checkpointFor(
  config: CliConfig,
  current: string,
  kind: RotationKind,
  models: readonly string[],
  options: RotateOptions,
): Checkpoint | undefined {
  if (!leavesNoMark(kind, options) || options.dryRun === true) return undefined
  const { host, pathname } = new URL(config.database.url)
  const tables = models.map((model) => [config.models[model]?.table, config.models[model]?.primaryKey])
  const work = createHash('sha256')
    .update(JSON.stringify([kind, host, pathname, current, tables]))
    .digest('hex')
  return openCheckpoint(options.state ?? `.prisma-envelope-${kind}-${work.slice(0, 12)}.json`, work, options.restart ?? false)
}
