import type { Command } from 'commander'
import { createPace, type PaceOptions } from '../batches/pace.ts'
import { isPassing, patiently } from '../batches/retry.ts'
import { connect } from '../database/connection.ts'
import { EXIT } from '../exit-code.ts'
import type { Program } from '../program.ts'
import { createMeter } from '../progress/meter.ts'
import { assertPermitted } from '../rows/permissions.ts'
import { countedRows } from '../rows/row-count.ts'
import { inspectTable, selectedModels, type Table } from '../rows/table.ts'
import { createFindings, type Findings } from '../verification/findings.ts'
import { retirement } from '../verification/retired.ts'
import { type ModelReport, type VerifyOptions, verifyModel } from '../verification/verify-model.ts'
import { verifyText } from '../verification/verify-text.ts'
import type { CommonOptions, Context } from './context.ts'
import { rationed } from './rationed.ts'
import { duration, wholeNumber } from './row-command.ts'

interface Options extends CommonOptions, PaceOptions {
  readonly sample?: number
  readonly against?: string
  readonly maxFindings: number
  readonly batch: number
  readonly workers: number
  /** Seconds. */
  readonly patience: number
}

/** Keys of a sample are held in memory. */
const LARGEST_SAMPLE = 1_000_000

export function addVerify({ commander, run }: Program): void {
  commander
    .command('verify')
    .summary('open every row, and compare it with its columns')
    .description(
      'Opens every row and compares what was sealed with what the columns hold: nothing may be plaintext, nothing may be missing. Reads only, and locks nothing. Ends with 1 on any finding.',
    )
    .argument('[names...]', 'models, or fields as Model.field; all if none is given')
    .option('--sample <rows>', 'as many rows of each model, chosen at random', wholeNumber(1, LARGEST_SAMPLE))
    .option('--against <url>', 'compare each value with a restored copy of the plain database')
    .option('--max-findings <n>', 'print as many findings; all are counted', wholeNumber(0, 1_000_000_000), 100)
    .option('--batch <rows>', 'rows of a page', wholeNumber(1, 100_000), 1000)
    .option('--workers <n>', 'pages side by side, each on a connection of its own', wholeNumber(1, 64), 1)
    .option('--rate <rows>', 'rows a second at most', wholeNumber(1, 10_000_000))
    .option('--kms-rate <calls>', 'KMS calls a second at most', wholeNumber(1, 100_000))
    .option('--pause-file <path>', 'no page is read while this file exists')
    .option('--max-replication-lag <seconds>', 'no page is read while a replica is further behind', duration)
    .option('--patience <seconds>', 'of failures in a row (KMS or database away) before giving up', duration, 600)
    .action((names: string[], _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>()
      return run(options, options.workers + 1, async (context) => {
        const { config, output, stop } = context
        const findings = createFindings(output, options.maxFindings)
        const against =
          options.against === undefined
            ? undefined
            : connect({ ...config, database: { ...config.database, url: options.against } }, options.workers)
        try {
          const reports = await verifyModels(context, names, findings, options, {
            ...options,
            // No page is more than what a second may have.
            batch: Math.min(options.batch, options.rate ?? options.batch),
            patience: options.patience * 1000,
            stop,
            sample: options.sample,
            openedTogether: rationed(options.batch, options, config),
            against,
            isRetired: await retirement(context.sql, config),
          })
          const complete = !stop.aborted && reports.every((report) => report.complete)
          const models = reports.map((report) => ({ ...report, findings: findings.of(report.model) }))
          output.result(verifyText(models), { command: 'verify', complete, findings: findings.total, models })
        } catch (error) {
          // Whoever is told to stop while the database or the KMS is away need not hear of that.
          if (!stop.aborted || !isPassing(error)) throw error
        } finally {
          await against?.end({ timeout: 5 })
        }
        if (stop.aborted) return EXIT.interrupted
        return findings.total > 0 ? EXIT.wrong : EXIT.done
      })
    })
}

async function verifyModels(
  { config, sql, keys, output, stop }: Context,
  names: readonly string[],
  findings: Findings,
  pacing: PaceOptions,
  options: VerifyOptions,
): Promise<readonly ModelReport[]> {
  const onRetry = (error: unknown): void => output.note(`trying again after ${(error as { code?: string }).code ?? 'an error'}`)
  const patient = <T>(work: () => Promise<T>): Promise<T> => patiently({ patience: options.patience, stop, onRetry }, work)
  const tables: { readonly table: Table; readonly names: ReadonlySet<string> }[] = []
  for (const [model, fields] of selectedModels(config.models, names)) {
    const plan = config.models[model]
    if (plan === undefined) continue
    const table = await patient(() => inspectTable(sql, model, plan))
    await patient(() => assertPermitted(sql, table, fields, false))
    tables.push({ table, names: fields })
  }
  const pace = createPace(sql, pacing)
  const reports: ModelReport[] = []
  for (const { table, names: chosen } of tables) {
    if (stop.aborted) break
    const { model } = table
    const total = Math.min(options.sample ?? Number.POSITIVE_INFINITY, await patient(() => countedRows(sql, table)))
    const meter = createMeter()
    const [callsBefore, findingsBefore] = [keys.stats.kmsCalls.unwrap, findings.total]
    let done = 0
    const fields = table.fields.filter(({ name }) => chosen.has(name))
    const report = await verifyModel(sql, keys, table, fields, pace, options, findings, {
      done(rows) {
        done += rows
        meter.add(rows)
        output.progress({
          model,
          done,
          total,
          rowsPerSecond: meter.rowsPerSecond,
          kmsCalls: keys.stats.kmsCalls.unwrap - callsBefore,
          findings: findings.total - findingsBefore,
        })
      },
      paused: (reason) => output.note(`${model}: waiting, as ${reason}`),
      retried: (error) => output.note(`${model}: trying again after ${(error as { code?: string }).code ?? 'an error'}`),
    })
    reports.push(report)
  }
  return reports
}
