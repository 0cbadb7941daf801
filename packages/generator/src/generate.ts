import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { GeneratorConfig, GeneratorOptions } from '@prisma/generator-helper'
import type { KeyStorePlan, ModelsPlan } from 'prisma-envelope/plan'
import { readText, removeStale, replaceText } from './files.ts'
import { ACCEPT_VARIABLE, checkDrift } from './lock/drift.ts'
import { LOCK_NAME, lockOf, readLock, writeLock } from './lock/lock.ts'
import { chooseClient, importedClient, sourceExtension } from './module/client.ts'
import { HEADER, moduleFiles } from './module/module.ts'
import { buildKeyStore } from './plan/key-store.ts'
import { buildPlan } from './plan/plan.ts'
import { createReport, type Problem, Refusal, type Report, SchemaError } from './problems.ts'
import { blocksOf } from './schema-text.ts'
import { settingsOf } from './settings.ts'

/** The part of Prisma's options that the generator uses. */
export type Options = Pick<GeneratorOptions, 'generator' | 'otherGenerators' | 'schemaPath' | 'datamodel' | 'datasources'> & {
  readonly dmmf: Pick<GeneratorOptions['dmmf'], 'datamodel'>
}

/**
 * Checks the schema, then writes the module and the lock file; nothing is written where anything is refused.
 *
 * @param environment `PRISMA_ENVELOPE_ACCEPT` names the drifts that are accepted
 * @returns what the user should know, though nothing is wrong
 * @throws SchemaError with all that is refused
 */
export async function generate(
  options: Options,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<readonly Problem[]> {
  const report = createReport()
  const { generator } = options
  checkProvider(options, report)
  const settings = settingsOf(generator, report)
  const client = attempt(report, generator, () => chooseClient(options.otherGenerators, settings.client))
  const schema = { datamodel: options.dmmf.datamodel, blocks: blocksOf(options.datamodel) }
  const models = buildPlan(schema, report)
  const keyStore = buildKeyStore(schema, report)
  const lockPath = join(await schemaFolder(options.schemaPath), LOCK_NAME)
  const lock = await nextLock(lockPath, models, keyStore, environment, report)
  const output = generator.output?.value ?? undefined
  if (output === undefined)
    report.refuse({ model: `generator ${generator.name}` }, 'output is missing: output = "../generated/envelope"')
  if (report.problems.length > 0 || output === undefined) throw new SchemaError(report.problems)

  if (client === undefined) report.notice({}, 'the schema has no client generator, so payload and client types are left out')
  const imported = client === undefined ? undefined : importedClient(client, output)
  const files = moduleFiles(models, imported, settings, sourceExtension(settings, client), keyStore)
  for (const [name, text] of files) await replaceText(join(output, name), text)
  await removeStale(
    output,
    files.map(([name]) => name),
    HEADER,
  )
  await replaceText(lockPath, lock)
  return report.notices
}

function checkProvider({ datasources }: Options, report: Report): void {
  for (const { name, provider, activeProvider } of datasources) {
    if (activeProvider === 'postgresql') continue
    report.refuse(
      { model: `datasource ${name}` },
      `prisma-envelope works with PostgreSQL only, not with ${provider}; set provider = "postgresql"`,
    )
  }
}

async function nextLock(
  path: string,
  models: ModelsPlan,
  keyStore: KeyStorePlan | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  report: Report,
): Promise<string> {
  const next = lockOf(models, keyStore)
  const text = await readText(path)
  if (text === undefined) {
    if (Object.keys(next.models).length > 0)
      report.notice(
        {},
        `${LOCK_NAME} is new beside the schema: commit it, so that changes which stored rows contradict are found`,
      )
    return writeLock(next)
  }
  const accepted = (environment[ACCEPT_VARIABLE] ?? '').split(',').flatMap((name) => name.trim() || [])
  // With errors in the schema the plan is incomplete, and all that it lacks would seem to be drift.
  if (report.problems.length > 0) return text
  attempt(report, undefined, () => checkDrift(readLock(text), next, models, accepted, report))
  return writeLock(next)
}

function attempt<Result>(report: Report, generator: GeneratorConfig | undefined, run: () => Result): Result | undefined {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    report.refuse(generator === undefined ? {} : { model: `generator ${generator.name}` }, error.message)
    return undefined
  }
}

/** Prisma gives the path of the schema's file, or of the folder of its files. */
async function schemaFolder(schemaPath: string): Promise<string> {
  return (await stat(schemaPath)).isDirectory() ? schemaPath : dirname(schemaPath)
}
