import { isDeepStrictEqual } from 'node:util'
import type { Effect, Key, Ledger, ModelName, Values } from './ledger.ts'
import type { Random } from './random.ts'
import type { Db, Stance } from './stance.ts'
import { FIELDS } from './values.ts'

/** A field of a row that others write other fields of. */
export interface SharedField {
  readonly key: string
  readonly field: string
}

/** What an operation is made from. */
export interface Situation {
  readonly ledger: Ledger
  readonly random: Random
  readonly stance: Stance
  /** Of Patients. */
  readonly shared: readonly SharedField[]
  readonly tenants: readonly number[]
  /** Keys of rows that something is going on with: the others are left alone, mostly. */
  readonly attended: ReadonlySet<Key>
  /** Values of this operation alone. */
  values(fields: readonly string[]): Values
}

export interface Attempt {
  run(db: Db): PromiseLike<unknown>
  /** What it has done once it is acknowledged. */
  effects?(result: unknown): readonly Effect[]
  /** What it may have done where nobody knows how it ended. */
  readonly perhaps?: readonly Effect[]
  /** The code of the error that it must end with. */
  readonly refusal?: string
  /** What is wrong with its result; never with a value. */
  check?(result: unknown): string | undefined
}

export interface Operation {
  readonly name: string
  readonly weight: number
  /** Undefined where there is nothing that it could be done to. */
  prepare(situation: Situation): Attempt | undefined
}

export type Text = Values & Record<string, string>

/** How often the attended rows go before others. */
export const ATTENTION = 0.7

/** A row of its own. */
export function ownKey({ ledger, random, attended }: Situation, model: ModelName): Key | undefined {
  const keys = ledger.own(model)
  const near = random.chance(ATTENTION) ? keys.filter((key) => attended.has(key)) : []
  return random.pick(near.length > 0 ? near : keys)
}

export const textKey = (situation: Situation, model: ModelName) => ownKey(situation, model) as string | undefined

/** Whether this client can look for values of encrypted fields. */
export const canSearch = ({ stance }: Situation): boolean => stance.as !== 'unextended' || !stance.sealed

/** Some of the fields, in any case one. */
export function some(fields: readonly string[], { random }: Situation): readonly string[] {
  const sure = random.below(fields.length)
  return fields.filter((_, i) => i === sure || random.chance(0.25))
}

/** A value in another form that `normalize` makes equal; as it is where plaintext may be compared by the database. */
export function variantOf(text: string, { stance }: Situation): string {
  return stance.as === 'strict' ? ` ${text.toUpperCase()}` : text
}

/** Changes that are the same whether acknowledged or not. */
export function change(effects: readonly Effect[], run: Attempt['run']): Attempt {
  return { run, effects: () => effects, perhaps: effects }
}

/** An upsert of a row that is there. */
export function upsert(model: ModelName, key: Key, values: Values, run: Attempt['run']): Attempt {
  const check: Attempt['check'] = (result) => {
    const { id } = result as { readonly id: Key }
    return id === key ? undefined : `upserts ${model} ${id} instead of ${key}`
  }
  return { ...change([{ kind: 'set', model, key, values }], run), check }
}

export function creation(model: ModelName, values: Values, run: Attempt['run']): Attempt {
  const effect = (key: Key | undefined): Effect => ({ kind: 'created', model, key, values })
  return { run, effects: (result) => [effect((result as { id: Key }).id)], perhaps: [effect(undefined)] }
}

/** Compares what was found with what the log says. */
export function found(model: ModelName, key: Key | undefined, ledger: Ledger): (result: unknown) => string | undefined {
  return (result) => {
    if (key === undefined) return result === null ? undefined : `finds a row that has not got that value any more, or never had`
    if (result === null) return `does not find ${model} ${key}`
    const row = result as Values & { readonly id: Key }
    if (row.id !== key) return `finds ${model} ${row.id} instead of ${key}`
    const wrong = FIELDS[model].filter((field) => {
      const known = ledger.value(model, key, field)
      return known !== undefined && !isDeepStrictEqual(row[field], known.value)
    })
    return wrong.length === 0 ? undefined : `finds ${model} ${key} with other values in ${wrong.join(', ')}`
  }
}

/** Compares a list's keys with those that the log has. */
export function foundAll(keys: readonly Key[]): (result: unknown) => string | undefined {
  return (result) => {
    const ids = (result as readonly { readonly id: Key }[]).map(({ id }) => id)
    const missing = keys.filter((key) => !ids.includes(key))
    const unexpected = ids.filter((id) => !keys.includes(id))
    if (missing.length + unexpected.length === 0) return undefined
    return `does not find ${missing.join(', ') || 'nothing'}, and finds ${unexpected.join(', ') || 'nothing'} that it should not`
  }
}
