import type { Command } from 'commander'
import { textRows } from '../database/connection.ts'
import { EXIT } from '../exit-code.ts'
import type { Program } from '../program.ts'
import type { Context } from './context.ts'
import { decryptTask } from './decrypt-task.ts'
import { addRowOptions, exitCodeOf, type ModelResult, type RowOptions, resultsForPrograms, runOverModels } from './row-command.ts'

export function addDecrypt({ commander, run }: Program): void {
  addRowOptions(commander.command('decrypt'))
    .summary('move values out of envelopes, back into their columns')
    .description(
      'Moves values out of envelopes, back into their columns, beside applications in the mode `plain`. Each batch is a transaction of its own: stop it and start it again at any time, or run several at once.',
    )
    .addHelpText(
      'after',
      '\nBefore: every instance in mode `plain`, and guards taken off (`guard --drop`), as they refuse plaintext.',
    )
    .action((names: string[], _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<RowOptions>()
      const { dryRun = false } = options
      return run(options, options.workers + 1, async (context) => {
        const results: DecryptResult[] = []
        for (const result of await runOverModels(context, names, options, decryptTask))
          results.push(result.complete && !dryRun ? { ...result, envelopesLeft: await envelopesLeft(context, result) } : result)
        context.output.result(results.map((result) => describe(result, dryRun)).join('\n'), {
          command: 'decrypt',
          dryRun,
          models: resultsForPrograms(results),
        })
        const isLeft = results.some((result) => result.isWhole && (result.envelopesLeft ?? 0) > 0)
        const code = exitCodeOf(results, context.stop)
        return isLeft && code === EXIT.done ? EXIT.wrong : code
      })
    })
}

interface DecryptResult extends ModelResult {
  readonly envelopesLeft?: number
}

/** Of rows that do not open, of fields that were not chosen or that the plan does not know, and of applications that still encrypt. */
async function envelopesLeft({ sql }: Context, { table }: ModelResult): Promise<number> {
  const [row] = await textRows(sql, `SELECT count(*) FROM ${table.sql} WHERE ${table.envelope} IS NOT NULL`)
  return Number(row?.[0])
}

function describe(
  { model, written, refused, complete, isWhole, envelopesLeft: left = 0 }: DecryptResult,
  dryRun: boolean,
): string {
  return [
    `${model}: ${written} rows ${dryRun ? 'would be decrypted' : 'decrypted'}`,
    ...(refused > 0 ? [`, ${refused} left as they were`] : []),
    ...(complete ? [] : [' (not finished)']),
    ...(left > 0 && isWhole
      ? [
          `; ${left} rows still have an envelope, with fields that the plan does not know or from an application that still encrypts`,
        ]
      : []),
  ].join('')
}
