import { readFile } from 'node:fs/promises'
import type { ColumnPlan, KeyStorePlan, ModelPlan, ModelsPlan } from 'prisma-envelope/rows'
import type { Diagnosis } from './diagnosis.ts'

/** Where the generator keeps it: beside the schema. */
const USUAL_PLACES = ['prisma/envelope.lock.json', 'envelope.lock.json']

type Locked = Readonly<Record<string, unknown>>

interface LockedModel {
  readonly envelope: string
  readonly bind: readonly string[]
  readonly fields: Readonly<Record<string, Locked>>
}

const REMEDY =
  'run `prisma generate` in the version of the application that is deployed, and use its generated module and its envelope.lock.json together'

/**
 * Compares the plan with the lock file that the generator keeps: the two come from one schema, or one of them is of another version.
 *
 * @param path of the lock file; else it is looked for where it usually is
 */
export async function lockFindings(
  models: ModelsPlan,
  chosen: readonly string[],
  path: string | undefined,
  keyStore?: KeyStorePlan,
): Promise<readonly Diagnosis[]> {
  const found = await firstText(path === undefined ? USUAL_PLACES : [path])
  if (found === undefined)
    return [
      {
        severity: path === undefined ? 'warning' : 'error',
        code: 'LOCK_MISSING',
        meaning: `there is no lock file at ${path ?? USUAL_PLACES.join(' or ')}`,
        remedy: 'name it by --lock; the generator writes it beside the schema, to be committed',
      },
    ]
  const locked = modelsOf(found.text)
  if (locked === undefined)
    return [
      {
        severity: 'error',
        code: 'LOCK_DAMAGED',
        meaning: `${found.path} is not a lock file of version 1 (a merge conflict, or of a newer generator?)`,
        remedy: 'restore it from version control, or update this command line',
      },
    ]
  const identities = new Set(
    Object.values(models).flatMap(({ envelope, table }) => (envelope === undefined ? [] : [table.identity])),
  )
  const gone = Object.keys(locked).filter((identity) => !identities.has(identity))
  return [
    ...keyStoreFindings(keyStore, found.text),
    ...chosen.flatMap((model) => modelFindings(model, models[model] as ModelPlan, locked)),
    ...gone.map((identity) =>
      differs(undefined, undefined, `the lock file has encrypted rows under the identity ${identity}, \`models\` has none`),
    ),
  ]
}

/** A key store that the configuration does not name is told of where rows name its keys. */
function keyStoreFindings(keyStore: KeyStorePlan | undefined, lock: string): readonly Diagnosis[] {
  if (keyStore === undefined) return []
  const { keyStore: locked } = JSON.parse(lock) as { keyStore?: unknown }
  // The schema of the connection is none of the lock file's.
  const now = { table: keyStore.table.identity, columns: keyStore.columns }
  return same(locked, now) ? [] : [differs(keyStore.model, undefined, '`keyStore` and the lock file differ in table or columns')]
}

function modelFindings(model: string, plan: ModelPlan, lock: Readonly<Record<string, LockedModel>>): readonly Diagnosis[] {
  const locked = own(lock, plan.table.identity)
  if (locked === undefined) return [differs(model, undefined, 'the lock file does not have the model as encrypted')]
  const findings: Diagnosis[] = []
  if (locked.envelope !== plan.envelope?.column)
    findings.push(differs(model, undefined, `its envelope is in ${plan.envelope?.column}, the lock file says ${locked.envelope}`))
  const bind = (plan.envelope?.bind ?? []).map((name) => described(plan.columns[name] as ColumnPlan))
  if (JSON.stringify(locked.bind) !== JSON.stringify(bind))
    findings.push(
      differs(model, undefined, `it is bound to [${bind.join(', ')}], the lock file says [${locked.bind.join(', ')}]`),
    )
  const known = new Set<string>()
  for (const [field, column] of Object.entries(plan.columns)) {
    if (column.encrypted === undefined) continue
    known.add(column.encrypted.identity)
    const before = own(locked.fields, column.encrypted.identity)
    const now = lockedField(plan, column)
    if (before === undefined) findings.push(differs(model, field, 'the lock file does not have the field as encrypted'))
    else {
      const changed = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((key) => !same(before[key], now[key]))
      if (changed.length > 0) findings.push(differs(model, field, `\`models\` and the lock file differ in ${changed.join(', ')}`))
    }
  }
  const gone = Object.keys(locked.fields).filter((identity) => !known.has(identity))
  return [
    ...findings,
    ...gone.map((identity) => differs(model, undefined, `the lock file has ${identity} as encrypted, \`models\` does not`)),
  ]
}

function differs(model: string | undefined, field: string | undefined, meaning: string): Diagnosis {
  const place = { ...(model !== undefined && { model }), ...(field !== undefined && { field }) }
  return { severity: 'error', code: 'LOCK_DIFFERS', ...place, meaning, remedy: REMEDY }
}

/** A field as the generator describes it in the lock file. */
function lockedField(plan: ModelPlan, column: ColumnPlan): Locked {
  const { placeholder, search } = column.encrypted as NonNullable<ColumnPlan['encrypted']>
  return {
    type: typeOf(column),
    native: nativeOf(column),
    values: column.values === undefined ? undefined : Object.values(column.values),
    placeholder,
    search:
      search === undefined ? undefined : { ...search, scope: search.scope.map((name) => plan.columns[name]?.column ?? name) },
  }
}

function described(column: ColumnPlan): string {
  return [column.column, typeOf(column), nativeOf(column)].filter((part) => part !== undefined).join(' ')
}

function typeOf({ type, list }: ColumnPlan): string {
  return `${type}${list === true ? '[]' : ''}`
}

function nativeOf({ native }: ColumnPlan): string | undefined {
  if (native === undefined) return undefined
  return `@db.${native.name}${native.args.length === 0 ? '' : `(${native.args.join(', ')})`}`
}

async function firstText(paths: readonly string[]): Promise<{ readonly path: string; readonly text: string } | undefined> {
  for (const path of paths) {
    const text = await readFile(path, 'utf8').catch(() => undefined)
    if (text !== undefined) return { path, text }
  }
  return undefined
}

function modelsOf(text: string): Readonly<Record<string, LockedModel>> | undefined {
  try {
    const { version, models } = JSON.parse(text) as { version?: unknown; models?: unknown }
    const isModel = (value: unknown): boolean =>
      isRecord(value) &&
      typeof value['envelope'] === 'string' &&
      Array.isArray(value['bind']) &&
      isRecord(value['fields']) &&
      Object.values(value['fields']).every(isRecord)
    return version === 1 && isRecord(models) && Object.values(models).every(isModel)
      ? (models as Readonly<Record<string, LockedModel>>)
      : undefined
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A table or column may well be called `constructor`. */
function own<Value>(record: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined
}

/** Whatever the order of properties. */
function same(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b)
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    isRecord(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  )
}
