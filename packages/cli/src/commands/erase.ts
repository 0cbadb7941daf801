import { type Command, InvalidArgumentError } from 'commander'
import { type EncryptionContext, keysLiveFor } from 'prisma-envelope/rows'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { erase } from '../key-store/erase.ts'
import type { Program } from '../program.ts'
import { UsageError } from '../usage-error.ts'
import type { CommonOptions, Context } from './context.ts'
import { duration } from './row-command.ts'

interface EraseOptions extends CommonOptions {
  readonly context?: EncryptionContext
  /** Seconds. */
  readonly keysLiveFor?: number
}

const BEYOND_REACH = `Backups, replicas that lag behind and the WAL hold the keys and the tokens until they are gone, and processes hold plaintext that they have read.
Keep the result outside of the database: after a restore, \`doctor --erased\` erases the same contexts again.`

export function addErase({ commander, run }: Program): void {
  commander
    .command('erase')
    .summary("erase a context's keys, so that nothing opens its rows any more")
    .description(
      'Erases the stored keys of a context, of all tables, for good; writes under it are refused from then on. Waits until no process holds one of the keys, and removes the tokens of its rows. ' +
        'Refuses, and changes nothing, while rows carry their key themselves. Start it again where it was interrupted.',
    )
    .option('--context <name=value>', "exactly as the application's `context` gives it; once for each entry", entry)
    .option(
      '--keys-live-for <seconds>',
      'for which processes hold keys (default: `cache.maxAge`, `cache.staleIfError` and `deadline` of the configuration)',
      duration,
    )
    .addHelpText('after', `\n${BEYOND_REACH}`)
    .action((_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<EraseOptions>()
      return run(options, 1, (context) => runErase(context, options))
    })
}

function entry(text: string, given: EncryptionContext = {}): EncryptionContext {
  const at = text.indexOf('=')
  const name = text.slice(0, at)
  if (at < 1 || at === text.length - 1) throw new InvalidArgumentError('give it as name=value.')
  if (Object.hasOwn(given, name)) throw new InvalidArgumentError(`${name} is given twice.`)
  return Object.fromEntries([...Object.entries(given), [name, text.slice(at + 1)]])
}

async function runErase({ config, sql, output }: Context, { context, keysLiveFor: seconds }: EraseOptions): Promise<ExitCode> {
  if (context === undefined) throw new UsageError('erase needs a context: --context tenant=42')
  const milliseconds = seconds === undefined ? keysLiveFor(config) : seconds * 1000
  output.note(`waiting ${Math.round(milliseconds / 1000)} s, for which processes may still hold keys`)
  const { keys, rows } = await erase(sql, config, context, milliseconds)
  const counts = Object.entries(rows).map(([model, count]) => `${model}: tokens of ${count} rows removed`)
  output.result([`${keys} keys erased`, ...counts, BEYOND_REACH].join('\n'), {
    command: 'erase',
    context,
    keys,
    rows,
    erasedAt: new Date().toISOString(),
  })
  return EXIT.done
}
