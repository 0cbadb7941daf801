import { Command, CommanderError } from 'commander'
import { EnvelopeError } from 'prisma-envelope/rows'
import { type CommonOptions, type Context, withContext } from './commands/context.ts'
import { addDecrypt } from './commands/decrypt.ts'
import { addDoctor } from './commands/doctor.ts'
import { addEncrypt } from './commands/encrypt.ts'
import { addErase } from './commands/erase.ts'
import { addGuard } from './commands/guard.ts'
import { addRotate } from './commands/rotate.ts'
import { addStatus } from './commands/status.ts'
import { addVerify } from './commands/verify.ts'
import { EXIT, type ExitCode } from './exit-code.ts'
import type { Streams } from './progress/output.ts'
import { UsageError } from './usage-error.ts'

/** What a command needs to be added. */
export interface Program {
  readonly commander: Command
  /**
   * Runs a command's work; its exit code is the program's.
   *
   * @param connections to the database, at most
   */
  readonly run: (options: CommonOptions, connections: number, work: (context: Context) => Promise<ExitCode>) => Promise<void>
}

const COMMANDS = [addStatus, addEncrypt, addVerify, addGuard, addDecrypt, addRotate, addErase, addDoctor]

const EXIT_CODES = `
Exit codes: ${EXIT.done} done, ${EXIT.wrong} something is wrong or unfinished, ${EXIT.usage} called or configured wrongly, ${EXIT.interrupted} interrupted.`

/**
 * Runs the command line.
 *
 * @param args without node and script
 * @returns the exit code
 */
export async function runCli(args: readonly string[], streams: Streams): Promise<ExitCode> {
  let code: ExitCode = EXIT.done
  const commander = new Command('prisma-envelope-cli')
    .description('Moves the rows of a live PostgreSQL to prisma-envelope and back.')
    .option('--config <path>', 'configuration file (default: envelope.config.ts in the working directory)')
    .option('--database-url <url>', 'instead of `database.url` of the configuration')
    .option('--no-prepare', 'no prepared statements, for PgBouncer in transaction mode')
    .option('--json', 'one JSON object a line, for programs')
    .showHelpAfterError('(add --help for what there is)')
    .addHelpText('after', EXIT_CODES)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({ writeOut: (text) => streams.out.write(text), writeErr: (text) => streams.err.write(text) })
  commander.enablePositionalOptions(false)
  const program: Program = {
    commander,
    async run(options, connections, work) {
      code = await withContext(options, streams, connections, work)
    },
  }
  for (const add of COMMANDS) add(program)
  for (const command of commander.commands) command.addHelpText('after', EXIT_CODES)
  try {
    await commander.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    // Commander has said what is wrong; `--help` and `--version` are nothing wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
    if (error instanceof UsageError) {
      streams.err.write(`prisma-envelope-cli: ${error.message}\n`)
      return EXIT.usage
    }
    streams.err.write(`prisma-envelope-cli: ${describe(error)}\n`)
    return error instanceof EnvelopeError && error.code === 'CONFIG' ? EXIT.usage : EXIT.wrong
  }
}

/** PostgreSQL's details may quote rows: its message and its SQLSTATE have to do. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? `${code}: ${error.message}` : error.message
}
