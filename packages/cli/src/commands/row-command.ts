import { type Command, InvalidArgumentError } from 'commander'
import { createPace, type PaceOptions } from '../batches/pace.ts'
import { type RunResult, runTask } from '../batches/run-task.ts'
import type { Task } from '../batches/task.ts'
import { textRows } from '../database/connection.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { createMeter } from '../progress/meter.ts'
import { assertPermitted } from '../rows/permissions.ts'
import { inspectTable, selectedModels, type Table } from '../rows/table.ts'
import type { CommonOptions, Context } from './context.ts'

/** Options of every command that rewrites rows. */
export interface RowOptions extends CommonOptions, PaceOptions {
  readonly batch: number
  readonly workers: number
  readonly limit?: number
  readonly dryRun?: boolean
  /** Seconds of failures in a row after which to give up. */
  readonly patience: number
}

export function addRowOptions(command: Command): Command {
  return command
    .argument('[names...]', 'models, or fields as Model.field; all if none is given')
    .option('--batch <rows>', 'rows of a transaction', wholeNumber(1, 100_000), 1000)
    .option('--workers <n>', 'batches side by side, each on a connection of its own', wholeNumber(1, 64), 1)
    .option('--rate <rows>', 'rows a second at most', wholeNumber(1, 10_000_000))
    .option('--kms-rate <calls>', 'KMS calls a second at most', wholeNumber(1, 100_000))
    .option('--pause-file <path>', 'no batch starts while this file exists')
    .option('--max-replication-lag <seconds>', 'no batch starts while a replica is further behind', duration)
    .option('--limit <rows>', 'end after so many rows', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .option('--dry-run', 'do all but write')
    .option('--patience <seconds>', 'of failures in a row (KMS or database away) before giving up', duration, 600)
}

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (!Number.isInteger(number) || number < least || number > most)
      throw new InvalidArgumentError(`give a whole number from ${least} to ${most}.`)
    return number
  }
}

export function duration(text: string): number {
  const seconds = Number(text)
  if (text.trim() === '' || !Number.isFinite(seconds) || seconds < 0) throw new InvalidArgumentError('give a number of seconds.')
  return seconds
}

export interface ModelResult extends RunResult {
  readonly model: string
  readonly table: Table
  /** Whether all encrypted fields of the model were chosen. */
  readonly isWhole: boolean
}

/** Of `--json`. */
export function resultsForPrograms(results: readonly ModelResult[]): readonly object[] {
  return results.map(({ table: _table, isWhole: _isWhole, ...result }) => result)
}

/**
 * Runs a task over each chosen model, after all of them were compared with the database.
 *
 * @param taskOf the task of one model and its chosen fields
 * @param writes what the task writes into besides envelopes: the columns of the chosen fields, or nothing
 */
export async function runOverModels(
  context: Context,
  names: readonly string[],
  options: RowOptions,
  taskOf: (table: Table, fields: ReadonlySet<string>) => Task | Promise<Task>,
  writes: 'columns' | 'nothing' = 'columns',
): Promise<readonly ModelResult[]> {
  const { config, sql, keys, output, stop } = context
  const chosen = [...selectedModels(config.models, names)]
  const tables: { readonly table: Table; readonly fields: ReadonlySet<string> }[] = []
  for (const [model, fields] of chosen) {
    const table = await inspectTable(sql, model, config.models[model] as NonNullable<(typeof config.models)[string]>)
    await assertPermitted(sql, table, writes === 'columns' ? fields : new Set(), options.dryRun !== true)
    tables.push({ table, fields })
  }
  const pace = createPace(sql, options)
  const results: ModelResult[] = []
  let left = options.limit
  for (const { table, fields } of tables) {
    const task = await taskOf(table, fields)
    const total = await countRows(context, task)
    const meter = createMeter()
    const callsBefore = kmsCalls(context)
    let done = task.once?.rows ?? 0
    let findings = task.once?.refused ?? 0
    const tell = (): void =>
      output.progress({
        model: table.model,
        done,
        total,
        rowsPerSecond: meter.rowsPerSecond,
        kmsCalls: kmsCalls(context) - callsBefore,
        findings,
      })
    const result = await runTask(sql, keys, task, pace, runOptions(), {
      done(rows) {
        done += rows
        meter.add(rows)
        tell()
      },
      found(finding) {
        findings += 1
        output.finding(finding)
      },
      paused: (reason) => output.note(`${table.model}: waiting, as ${reason}`),
      retried: (error) => output.note(`${table.model}: trying again after ${(error as { code?: string }).code ?? 'an error'}`),
    })
    if (left !== undefined) left -= result.written
    results.push({ model: table.model, table, isWhole: fields.size === table.fields.length, ...result })
    if (stop.aborted || (left !== undefined && left <= 0)) break
  }
  return results

  function runOptions() {
    const { batch, workers, rate = batch, dryRun = false, patience } = options
    // No batch is more than what a second may have.
    return { batch: Math.min(batch, rate), workers, limit: left, dryRun, patience: patience * 1000, stop }
  }
}

/** What a run over rows ends with. */
export function exitCodeOf(results: readonly ModelResult[], stop: AbortSignal): ExitCode {
  if (stop.aborted) return EXIT.interrupted
  return results.some(({ refused }) => refused > 0) ? EXIT.wrong : EXIT.done
}

export function kmsCalls({ keys }: Context): number {
  const { generateDataKey, wrap, unwrap } = keys.stats.kmsCalls
  return generateDataKey + wrap + unwrap
}

/** Beyond this, counting takes longer than it is worth: the planner's estimate has to do. */
export const COUNTED_EXACTLY = 2_000_000

async function countRows({ sql }: Context, task: Task): Promise<number> {
  const { table } = task
  const [estimate] = await textRows(sql, `SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass($1)`, [table.sql])
  if (Number(estimate?.[0] ?? 0) > COUNTED_EXACTLY) return Number(estimate?.[0])
  const [row] = await textRows(sql, `SELECT count(*) FROM ${table.sql} AS t WHERE ${task.where()}`)
  return Number(row?.[0] ?? 0)
}
