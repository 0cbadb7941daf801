import type { Command } from 'commander'
import type { Program } from '../program.ts'
import { placementOf } from '../rows/placement.ts'
import { encryptTask } from './encrypt-task.ts'
import { addRowOptions, exitCodeOf, type ModelResult, type RowOptions, resultsForPrograms, runOverModels } from './row-command.ts'

interface EncryptOptions extends RowOptions {
  readonly thorough?: boolean
  readonly allowPrecisionLoss?: boolean
}

const BEYOND_REACH = `What this can't reach: plaintext in old backups, in the WAL and its archive, on replicas until they have replayed it, in logs,
and in dead tuples until VACUUM FULL (or pg_repack) has rewritten the table and its indexes.`

export function addEncrypt({ commander, run }: Program): void {
  addRowOptions(commander.command('encrypt'))
    .summary('move plaintext into envelopes, beside a running application')
    .description(
      'Moves plaintext into envelopes, beside applications in the modes `plain` and `dual`. Each batch is a transaction of its own: stop it and start it again at any time, or run several at once.',
    )
    .option('--thorough', 'open sealed rows too, to find NULLs that something without the extension wrote')
    .option(
      '--allow-precision-loss',
      'take values as Prisma Client reads them, where a column holds more: microseconds, digits of JSON numbers',
    )
    .addHelpText('after', `\n${BEYOND_REACH}`)
    .action((names: string[], _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<EncryptOptions>()
      const { dryRun = false, thorough = false, allowPrecisionLoss: lossy = false } = options
      return run(options, options.workers + 1, async (context) => {
        const { sql, output, stop } = context
        const placement = placementOf(context, 'encrypt')
        const results = await runOverModels(context, names, options, (table, fields) =>
          encryptTask(table, { fields, thorough, lossy, dryRun, placement }),
        )
        for (const { table, written } of dryRun ? [] : results) if (written > 0) await sql.unsafe(`ANALYZE ${table.sql}`)
        output.result(describe(results, dryRun), { command: 'encrypt', dryRun, models: resultsForPrograms(results) })
        return exitCodeOf(results, stop)
      })
    })
}

function describe(results: readonly ModelResult[], dryRun: boolean): string {
  const lines = results.map(({ model, written, refused, complete }) => {
    const left = refused > 0 ? `, ${refused} left as they were` : ''
    return `${model}: ${written} rows ${dryRun ? 'would be encrypted' : 'encrypted'}${left}${complete ? '' : ' (not finished)'}`
  })
  return [...lines, ...(dryRun ? [] : [BEYOND_REACH])].join('\n')
}
