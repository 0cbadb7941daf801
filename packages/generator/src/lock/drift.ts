import type { ModelsPlan } from 'prisma-envelope/plan'
import type { Report } from '../problems.ts'
import { LOCK_NAME, type Lock, type LockedField, type LockedKeyStore, type LockedModel } from './lock.ts'

/** Names for which the environment accepts a drift: `Patient`, `Patient.email` or `keyStore`, separated by commas. */
export const ACCEPT_VARIABLE = 'PRISMA_ENVELOPE_ACCEPT'

/**
 * Refuses what rows already there may contradict, unless `accepted` names it. New models and fields pass: their rows are still in plaintext, or not
 * there yet; of new fields in models that have sealed rows there is a notice.
 */
export function checkDrift(before: Lock, after: Lock, models: ModelsPlan, accepted: readonly string[], report: Report): void {
  const unused = new Set(accepted)
  for (const drift of driftsOf(before, after, models)) {
    const name = drift.field === undefined ? drift.model : `${drift.model}.${drift.field}`
    if (accepted.includes(name)) unused.delete(name)
    else
      report.refuse(
        drift,
        `${drift.message}\nThen accept it: ${ACCEPT_VARIABLE}=${name} npx prisma generate, and commit ${LOCK_NAME}.`,
      )
  }
  for (const [model, field] of newFields(before, models))
    report.notice(
      { model, field },
      'newly encrypted, in a model that is sealed already: start it in the mode `plain`, as docs/migrating.md of prisma-envelope says',
    )
  for (const name of unused)
    report.notice({}, `${ACCEPT_VARIABLE} names ${name}, of which ${LOCK_NAME} knows no drift; remove it`)
}

/** Encrypted fields that a model of the lock did not have. */
function newFields(before: Lock, models: ModelsPlan): readonly (readonly [model: string, field: string])[] {
  return Object.entries(models).flatMap(([model, { table, columns }]) => {
    const locked = own(before.models, table.identity)
    return Object.entries(columns).flatMap(([field, { encrypted }]) =>
      locked === undefined || encrypted === undefined || own(locked.fields, encrypted.identity) !== undefined
        ? []
        : [[model, field] as const],
    )
  })
}

interface Drift {
  readonly model: string
  readonly field?: string
  readonly message: string
}

function driftsOf(before: Lock, after: Lock, models: ModelsPlan): readonly Drift[] {
  return [...modelsDrifts(before, after, models), ...keyStoreDrifts(before.keyStore, after.keyStore)]
}

function modelsDrifts(before: Lock, after: Lock, models: ModelsPlan): readonly Drift[] {
  return Object.entries(before.models).flatMap(([table, old]) => {
    const now = own(after.models, table)
    const model =
      Object.entries(models).find(([, plan]) => plan.table.identity === table && plan.envelope !== undefined)?.[0] ?? table
    if (now !== undefined) return [...modelDrifts(model, old, now), ...fieldDrifts(model, old, now, models)]
    return [
      {
        model,
        message:
          `${LOCK_NAME} has encrypted rows under the identity "${table}", the schema has no such model any more.\n` +
          `Was the table renamed? Keep its identity: @envelope(as: ${JSON.stringify(table)}).\n` +
          `Else restore its annotations, run ${cli('decrypt', table)}, and remove them again (or drop the table).`,
      },
    ]
  })
}

/** Keys that are lost are rows that are lost, and Prisma's migrations rename nothing: they drop and create. */
function keyStoreDrifts(old: LockedKeyStore | undefined, now: LockedKeyStore | undefined): readonly Drift[] {
  if (old === undefined) return []
  const model = 'keyStore'
  if (now === undefined) {
    const message =
      `the branch keys of sealed rows are in the table ${old.table}, and no model is marked @envelopeKeys any more.\n` +
      `Restore the model, or first give every row a key of its own: without \`keyStore\` in the config, ${cli('rotate --reencrypt', '--all')}.`
    return [{ model, message }]
  }
  const renamed = [
    ...(old.table === now.table ? [] : [`the table ${old.table}, which the schema now calls ${now.table}`]),
    ...Object.entries(old.columns).flatMap(([field, column]) =>
      own(now.columns, field) === column ? [] : [`the column ${column}, which the schema now calls ${own(now.columns, field)}`],
    ),
  ]
  const message =
    `the branch keys of sealed rows are in ${renamed.join(', and in ')}.\n` +
    'Rename it in the database, by ALTER TABLE … RENAME in the migration: a migration that drops and creates it loses every row sealed under these keys.'
  return renamed.length === 0 ? [] : [{ model, message }]
}

function modelDrifts(model: string, old: LockedModel, now: LockedModel): readonly Drift[] {
  const drifts: Drift[] = []
  if (old.envelope !== now.envelope) {
    drifts.push({
      model,
      message: `its envelopes are in the column ${old.envelope}, the schema now looks into ${now.envelope}.\nRename the column in the database.`,
    })
  }
  if (!equal(old.bind, now.bind)) {
    drifts.push({
      model,
      message: `its rows are bound to ${list(old.bind)}, the schema now says ${list(now.bind)}. Rows there open only under the old binding.\n${thereAndBack(model)}`,
    })
  }
  return drifts
}

function fieldDrifts(model: string, old: LockedModel, now: LockedModel, models: ModelsPlan): readonly Drift[] {
  return Object.entries(old.fields).flatMap(([identity, before]) => {
    const columns = Object.entries(models[model]?.columns ?? {})
    const field = columns.find(([, { encrypted }]) => encrypted?.identity === identity)?.[0]
    const after = own(now.fields, identity)
    if (field !== undefined && after !== undefined)
      return changes(`${model}.${field}`, before, after).map((message) => ({ model, field, message }))
    const bare = columns.find(([, { column }]) => column === identity)?.[0] ?? identity
    const message =
      `${LOCK_NAME} has it as encrypted, under the identity "${identity}"; the schema no longer does.\n` +
      `Was the column renamed? Keep its identity: @encrypted(as: ${JSON.stringify(identity)}).\n` +
      `Else restore the annotation, run ${cli('decrypt', `${model}.${bare}`)}, and remove it again.`
    return [{ model, field: bare, message }]
  })
}

/** What changed in a field, and which command of the CLI brings the rows after it. */
function changes(name: string, old: LockedField, now: LockedField): readonly string[] {
  if (old.type !== now.type)
    return [`its values are sealed as ${old.type}, the schema now says ${now.type}.\n${thereAndBack(name)}`]
  const messages: string[] = []
  if (old.native !== now.native && !isWider(old, now)) {
    messages.push(
      `its values are sealed as ${old.native ?? old.type}, the schema now says ${now.native ?? now.type}.\n${thereAndBack(name)}`,
    )
  }
  const gone = old.values?.filter((value) => !now.values?.includes(value)) ?? []
  if (gone.length > 0) {
    messages.push(
      `rows may hold ${list(gone)}, which the enum no longer has.\nUpdate those rows to another value first; the database does not see them.`,
    )
  }
  if (!equal(old.search, now.search)) {
    const toggles = old.search === undefined || now.search === undefined
    const guards = toggles ? `Take its guard off before (${cli('guard --drop --apply', name)}).\n` : ''
    const reindex = `${cli(toggles ? 'rotate --reindex' : 'rotate --reindex --all', name)} afterwards; until then searches miss rows.`
    messages.push(`its tokens are made by ${search(old)}, the schema now says ${search(now)}.\n${guards}Run ${reindex}`)
  }
  if (!equal(old.placeholder, now.placeholder) && (old.search === undefined || now.search === undefined)) {
    messages.push(
      `its column holds the placeholder ${JSON.stringify(old.placeholder)}, the schema now says ${JSON.stringify(now.placeholder)}: rows there would look as if something else had written to them.\n${thereAndBack(name)}`,
    )
  }
  return messages.length < 2 ? messages : [messages.join('\n')]
}

/** Whether every text of the old type fits the new one unchanged. */
function isWider(old: LockedField, now: LockedField): boolean {
  const [from, to] = [room(old), room(now)]
  return from !== undefined && to !== undefined && to >= from
}

function room({ type, native = '@db.Text' }: LockedField): number | undefined {
  if (!type.startsWith('String')) return undefined
  if (native === '@db.Text' || native === '@db.VarChar') return Infinity
  const length = /^@db\.VarChar\((\d+)\)$/.exec(native)?.[1]
  return length === undefined ? undefined : Number(length)
}

function search({ search: plan }: LockedField): string {
  if (plan === undefined) return 'no search'
  return `index "${plan.index}", normalize ${list(plan.normalize)}, scope ${list(plan.scope)}`
}

/** @param name `Model`, or `Model.field` */
function cli(command: string, name: string): string {
  return `\`npx prisma-envelope-cli ${command} ${name}\``
}

function thereAndBack(name: string): string {
  return `Under the old schema run ${cli('decrypt', name)} (by way of the modes \`dual\` and \`plain\`); change the schema; then ${cli('encrypt', name)}.`
}

function list(items: readonly string[]): string {
  return `[${items.join(', ')}]`
}

/** A table or column may well be called `constructor`. */
function own<Value>(record: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined
}

function equal(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
