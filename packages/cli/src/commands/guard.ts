import type { Command } from 'commander'
import type { ModelPlan } from 'prisma-envelope/rows'
import { textRows } from '../database/connection.ts'
import { tableOf } from '../database/sql-text.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { type Applied, applyGuards, takeBackGuards } from '../guards/apply.ts'
import { type Guard, guardsOf } from '../guards/guard.ts'
import { addGuards, dropGuards, scriptOf, type Transaction, validateGuards } from '../guards/guard-sql.ts'
import { guardChanges, installedGuards } from '../guards/installed.ts'
import { writeMigration } from '../guards/migration-file.ts'
import { type RefusedRows, refusedRows } from '../guards/refused-rows.ts'
import type { Program } from '../program.ts'
import { selectedModels } from '../rows/table.ts'
import { UsageError } from '../usage-error.ts'
import type { CommonOptions, Context } from './context.ts'

interface GuardOptions extends CommonOptions {
  readonly apply?: boolean
  readonly migration?: string
  readonly migrations: string
  readonly drop?: boolean
  readonly patience: number
}

/** A model, and which of its guards are meant. */
interface Chosen {
  readonly model: string
  readonly plan: ModelPlan
  readonly guards: readonly Guard[]
  /** Guards of all of its encrypted fields. */
  readonly all: readonly Guard[]
  /** Whether the whole model is meant. */
  readonly whole: boolean
}

const WHAT_IT_TELLS = `PostgreSQL prints a row that it refuses into the error's DETAIL: plaintext that a client without the extension tried to write gets into that
client's errors, and into the server's log. \`log_error_verbosity = terse\` keeps it out of the server's log.`

export function addGuard({ commander, run }: Program): void {
  commander
    .command('guard')
    .summary('let PostgreSQL refuse plaintext')
    .description(
      'Prints the SQL by which PostgreSQL refuses plaintext: a CHECK constraint for each encrypted column (NULL, its placeholder, or a token) and one for the envelope. ' +
        'Run it last of all: once no row is in plaintext, and no application is in the mode `plain` any more.',
    )
    .argument('[names...]', 'models, or fields as Model.field; all if none is given')
    .option('--apply', 'run it, unless rows are there that it would refuse')
    .option('--migration <name>', 'write it as a migration of Prisma Migrate')
    .option('--migrations <dir>', 'folder of the migrations', 'prisma/migrations')
    .option('--drop', 'the other way: take the constraints back')
    .option('--patience <seconds>', 'of lock timeouts in a row before giving up', Number, 600)
    .addHelpText('after', `\n${WHAT_IT_TELLS}`)
    .action((names: string[], _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<GuardOptions>()
      if (options.apply === true && options.migration !== undefined)
        throw new UsageError('give --apply or --migration, not both: a migration is applied by Prisma Migrate')
      return run(options, 1, async (context) => {
        const chosen = chosenOf(context, names)
        if (options.apply === true)
          return options.drop === true ? takeBack(context, chosen, options) : apply(context, chosen, options)
        return write(context, chosen, options)
      })
    })
}

function chosenOf({ config: { models } }: Context, names: readonly string[]): readonly Chosen[] {
  return [...selectedModels(models, names)].map(([model, fields]) => {
    const plan = models[model] as ModelPlan
    const all = guardsOf(plan, new Set(Object.keys(plan.columns)))
    const guards = guardsOf(plan, fields)
    return { model, plan, guards, all, whole: guards.length === all.length }
  })
}

async function apply(context: Context, chosen: readonly Chosen[], { patience }: GuardOptions): Promise<ExitCode> {
  const { sql, output, stop } = context
  for (const { model, plan } of chosen) await requireTable(context, model, plan)
  const refused = await refusals(context, chosen)
  if (refused.length > 0) {
    output.result(
      `${describeRefusals(refused)}\nNothing was changed: a constraint refuses every update of such a row, whatever it changes.\n${WHAT_IT_TELLS}`,
      { command: 'guard', applied: false, refused },
    )
    return EXIT.wrong
  }
  const results: (Applied & { readonly model: string })[] = []
  for (const { model, plan, guards, all } of chosen) {
    if (stop.aborted) break
    results.push({ model, ...(await applyGuards({ ...context, sql }, plan, guards, all, patience * 1000)) })
  }
  const overtaken = results.filter((result) => result.overtaken)
  const lines = results.map(({ model, added, validated, dropped, overtaken: late }) =>
    late
      ? `${model}: rows in plaintext were written meanwhile, so its new constraints were taken back: see which application does so, run \`prisma-envelope-cli encrypt ${model}\`, and try again`
      : `${model}: ${added} constraints added, ${validated} validated${dropped > 0 ? `, ${dropped} left over dropped` : ''}`,
  )
  output.result([...lines, WHAT_IT_TELLS].join('\n'), { command: 'guard', applied: overtaken.length === 0, models: results })
  if (stop.aborted) return EXIT.interrupted
  return overtaken.length > 0 ? EXIT.wrong : EXIT.done
}

async function takeBack(context: Context, chosen: readonly Chosen[], { patience }: GuardOptions): Promise<ExitCode> {
  const models: { readonly model: string; readonly dropped: number }[] = []
  for (const one of chosen) {
    await requireTable(context, one.model, one.plan)
    const names = await namesToDrop(context, one)
    models.push({ model: one.model, dropped: await takeBackGuards(context, one.plan, names, patience * 1000) })
  }
  context.output.result(models.map(({ model, dropped }) => `${model}: ${dropped} constraints dropped`).join('\n'), {
    command: 'guard',
    drop: true,
    models,
  })
  return EXIT.done
}

/** All that are there, where the whole model is meant; else those of its fields alone, as the envelope is that of the others too. */
async function namesToDrop({ sql }: Context, { plan, guards, whole }: Chosen): Promise<readonly string[]> {
  const installed = (await installedGuards(sql, plan)).map(({ name }) => name)
  return whole ? installed : installed.filter((name) => droppable(plan, guards).some((guard) => guard.name === name))
}

function droppable({ envelope }: ModelPlan, guards: readonly Guard[]): readonly Guard[] {
  return guards.filter(({ field }) => field !== envelope?.field)
}

async function write(context: Context, chosen: readonly Chosen[], options: GuardOptions): Promise<ExitCode> {
  const { output } = context
  const { migration, migrations, drop } = options
  const looked = migration === undefined ? undefined : await look(context, chosen, drop === true)
  const transactions = chosen.flatMap((one): Transaction[] => {
    const { plan, guards, whole } = one
    if (drop === true)
      return [
        dropGuards(
          plan,
          (whole ? guards : droppable(plan, guards)).map(({ name }) => name),
        ),
      ]
    return [
      addGuards(plan, guards, looked?.leftOver.get(one.model) ?? []),
      validateGuards(
        plan,
        guards.map(({ name }) => name),
      ),
    ]
  })
  const script = scriptOf(transactions)
  if (migration === undefined) {
    output.result(drop === true ? script : `${comment(WHAT_IT_TELLS)}\n\n${script}`, {
      command: 'guard',
      drop: drop === true,
      sql: script,
    })
    return EXIT.done
  }
  const about = drop === true ? '' : `${comment(looked?.about ?? '')}\n${comment(WHAT_IT_TELLS)}\n\n`
  const file = await writeMigration(migrations, migration, `-- prisma-envelope-cli guard\n${about}${script}`)
  output.result([`${file} is written.`, ...(drop === true ? [] : [looked?.about ?? ''])].join('\n'), {
    command: 'guard',
    drop: drop === true,
    migration: file,
    refused: looked?.refused ?? null,
  })
  return (looked?.refused?.length ?? 0) > 0 ? EXIT.wrong : EXIT.done
}

interface Looked {
  /** What the database says of its rows, for whoever applies the migration. */
  readonly about: string
  /** Undefined where the database could not be asked. */
  readonly refused: readonly ModelRefusals[] | undefined
  readonly leftOver: ReadonlyMap<string, readonly string[]>
}

/** What the database says, where there is one: a migration is often written on a machine that has none at hand. */
async function look(context: Context, chosen: readonly Chosen[], drop: boolean): Promise<Looked> {
  const leftOver = new Map<string, readonly string[]>()
  try {
    for (const { model, plan, guards, all } of chosen) {
      leftOver.set(model, guardChanges(await installedGuards(context.sql, plan), guards, all).leftOver)
    }
    const refused = drop ? [] : await refusals(context, chosen)
    const database = 'in the database that this was written against'
    const about =
      refused.length > 0
        ? `${describeRefusals(refused)}\nThat was counted ${database}. Until then the migration fails, or refuses updates of such rows.`
        : `No row ${database} would be refused. In every other one, run \`prisma-envelope-cli guard --apply\` or \`verify\` first.`
    return { about, refused, leftOver }
  } catch (error) {
    const { code } = error as { code?: unknown }
    const about = `No database could be asked for rows that would be refused (${typeof code === 'string' ? code : 'error'}): run \`prisma-envelope-cli verify\` before this is applied.`
    return { about, refused: undefined, leftOver }
  }
}

interface ModelRefusals extends RefusedRows {
  readonly model: string
}

async function refusals({ sql }: Context, chosen: readonly Chosen[]): Promise<readonly ModelRefusals[]> {
  const counted: ModelRefusals[] = []
  for (const { model, plan, guards } of chosen) {
    const found = await refusedRows(sql, plan, guards)
    if (found.rows > 0) counted.push({ model, ...found })
  }
  return counted
}

function describeRefusals(refused: readonly ModelRefusals[]): string {
  const lines = refused.map(({ model, rows, byField }) => {
    const fields = Object.entries(byField).map(([field, count]) => `${field}: ${count}`)
    return `${model}: ${rows} rows would be refused (${fields.join(', ')})`
  })
  return `${lines.join('\n')}\nRun \`prisma-envelope-cli encrypt ${refused.map(({ model }) => model).join(' ')}\` first.`
}

async function requireTable({ sql }: Context, model: string, plan: ModelPlan): Promise<void> {
  const [row] = await textRows(sql, `SELECT to_regclass($1) IS NOT NULL`, [tableOf(plan)])
  if (row?.[0] !== 't') throw new UsageError(`${model}: the database has no table ${tableOf(plan)}: apply your migrations first`)
}

function comment(text: string): string {
  return text
    .split('\n')
    .map((line) => `-- ${line}`)
    .join('\n')
}
