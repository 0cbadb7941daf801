import type { ColumnPlan, EncryptionPlan, Json, KeyStorePlan, ModelPlan, ModelsPlan } from 'prisma-envelope/plan'
import { bytewise } from '../plan/dmmf.ts'
import { nativeName } from '../plan/native-type.ts'
import { Refusal } from '../problems.ts'

/** All that determines stored bytes, by identity. Kept beside the schema as `envelope.lock.json`, to be committed. */
export interface Lock {
  readonly version: 1
  readonly models: Readonly<Record<string, LockedModel>>
  readonly keyStore?: LockedKeyStore
}

export interface LockedKeyStore {
  /** Table, under its schema where it has one. */
  readonly table: string
  /** Names of the database by names of the Prisma schema. */
  readonly columns: Readonly<Record<string, string>>
}

export interface LockedModel {
  /** Column of the envelope. */
  readonly envelope: string
  /** Column and type of what rows are bound to, in the order of the binding. */
  readonly bind: readonly string[]
  readonly fields: Readonly<Record<string, LockedField>>
}

export interface LockedField {
  /** `String`, `String[]`, `Enum`. */
  readonly type: string
  /** `@db.VarChar(60)`. */
  readonly native?: string
  /** The database's names of an enum's values. */
  readonly values?: readonly string[]
  readonly placeholder: Json
  readonly search?: LockedSearch
}

export interface LockedSearch {
  readonly index: string
  readonly normalize: readonly string[]
  /** Columns. */
  readonly scope: readonly string[]
}

export const LOCK_NAME = 'envelope.lock.json'

export function lockOf(models: ModelsPlan, keyStore?: KeyStorePlan): Lock {
  const locked = Object.values(models).flatMap((model) =>
    model.envelope === undefined ? [] : [[model.table.identity, lockedModel(model, model.envelope)] as const],
  )
  return {
    version: 1,
    models: sorted(locked),
    ...(keyStore === undefined ? {} : { keyStore: { table: keyStore.table.identity, columns: keyStore.columns } }),
  }
}

export function writeLock(lock: Lock): string {
  return `${JSON.stringify(lock, null, 2)}\n`
}

/**
 * Reads a lock file's text.
 *
 * @throws Refusal saying what to do where it is none of this version.
 */
export function readLock(text: string): Lock {
  let lock: unknown
  try {
    lock = JSON.parse(text)
  } catch {
    throw new Refusal(`${LOCK_NAME} is not JSON (a merge conflict?); restore it from version control`)
  }
  if (!isLock(lock)) {
    throw new Refusal(
      `${LOCK_NAME} is damaged, or of a newer prisma-envelope-generator; update that, or restore the file from version control`,
    )
  }
  return lock
}

function isLock(value: unknown): value is Lock {
  if (!isRecord(value) || value['version'] !== 1 || !isRecord(value['models'])) return false
  const { keyStore } = value
  return Object.values(value['models']).every(isLockedModel) && (keyStore === undefined || isLockedKeyStore(keyStore))
}

function isLockedKeyStore(value: unknown): value is LockedKeyStore {
  return isRecord(value) && typeof value['table'] === 'string' && isRecord(value['columns'])
}

function isLockedModel(value: unknown): value is LockedModel {
  if (!isRecord(value) || typeof value['envelope'] !== 'string' || !Array.isArray(value['bind']) || !isRecord(value['fields']))
    return false
  return Object.values(value['fields']).every(
    (field) => isRecord(field) && typeof field['type'] === 'string' && 'placeholder' in field,
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function lockedModel({ columns }: ModelPlan, { column, bind }: NonNullable<ModelPlan['envelope']>): LockedModel {
  const encrypted = Object.values(columns).flatMap((plan) =>
    plan.encrypted === undefined ? [] : [{ plan, encryption: plan.encrypted }],
  )
  const fields = encrypted.map(({ plan, encryption }) => [encryption.identity, lockedField(columns, plan, encryption)] as const)
  return { envelope: column, bind: bind.map((name) => described(columns, name)), fields: sorted(fields) }
}

function lockedField(columns: ModelPlan['columns'], column: ColumnPlan, { placeholder, search }: EncryptionPlan): LockedField {
  const native = nativeName(column)
  return {
    type: typeOf(column),
    ...(native === '' ? {} : { native }),
    ...(column.values === undefined ? {} : { values: Object.values(column.values) }),
    placeholder,
    ...(search === undefined ? {} : { search: { ...search, scope: search.scope.map((name) => columns[name]?.column ?? name) } }),
  }
}

function described(columns: ModelPlan['columns'], name: string): string {
  const column = columns[name]
  return column === undefined ? name : `${column.column} ${typeOf(column)} ${nativeName(column)}`.trimEnd()
}

function typeOf(column: ColumnPlan): string {
  return `${column.type}${column.list ? '[]' : ''}`
}

function sorted<Value>(entries: readonly (readonly [string, Value])[]): Readonly<Record<string, Value>> {
  return Object.fromEntries([...entries].sort(([a], [b]) => bytewise(a, b)))
}
