import { isDeepStrictEqual } from 'node:util'
import type { Prisma } from '../../generated/7/client/client.ts'
import type { Effect, Key, Ledger, ModelName, Values } from './ledger.ts'
import type { Random } from './random.ts'
import type { Db, Stance } from './stance.ts'
import { FIELDS, inputOf } from './values.ts'

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

type Text = Values & Record<string, string>

/** A row of its own. */
function ownKey({ ledger, random, attended }: Situation, model: ModelName): Key | undefined {
  const keys = ledger.own(model)
  const near = random.chance(ATTENTION) ? keys.filter((key) => attended.has(key)) : []
  return random.pick(near.length > 0 ? near : keys)
}

const ATTENTION = 0.7

const textKey = (situation: Situation, model: ModelName) => ownKey(situation, model) as string | undefined
const conditionKey = (situation: Situation) => ownKey(situation, 'Condition') as number | undefined

/** Whether this client can look for values of encrypted fields. */
const canSearch = ({ stance }: Situation): boolean => stance.as !== 'unextended' || !stance.sealed

/** Some of the fields, in any case one. */
function some(fields: readonly string[], { random }: Situation): readonly string[] {
  const sure = random.below(fields.length)
  return fields.filter((_, i) => i === sure || random.chance(0.25))
}

/** A value in another form that `normalize` makes equal; as it is where plaintext may be compared by the database. */
function variantOf(text: string, { stance }: Situation): string {
  return stance.as === 'strict' ? ` ${text.toUpperCase()}` : text
}

/** Changes that are the same whether acknowledged or not. */
function change(effects: readonly Effect[], run: Attempt['run']): Attempt {
  return { run, effects: () => effects, perhaps: effects }
}

/** An upsert of a row that is there. */
function upsert(model: ModelName, key: Key, values: Values, run: Attempt['run']): Attempt {
  const check: Attempt['check'] = (result) => {
    const { id } = result as { readonly id: Key }
    return id === key ? undefined : `upserts ${model} ${id} instead of ${key}`
  }
  return { ...change([{ kind: 'set', model, key, values }], run), check }
}

function creation(model: ModelName, values: Values, run: Attempt['run']): Attempt {
  const effect = (key: Key | undefined): Effect => ({ kind: 'created', model, key, values })
  return { run, effects: (result) => [effect((result as { id: Key }).id)], perhaps: [effect(undefined)] }
}

/** Compares what was found with what the log says. */
function found(model: ModelName, key: Key | undefined, ledger: Ledger): (result: unknown) => string | undefined {
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
function foundAll(keys: readonly Key[]): (result: unknown) => string | undefined {
  return (result) => {
    const ids = (result as readonly { readonly id: Key }[]).map(({ id }) => id)
    const missing = keys.filter((key) => !ids.includes(key))
    const unexpected = ids.filter((id) => !keys.includes(id))
    if (missing.length + unexpected.length === 0) return undefined
    return `does not find ${missing.join(', ') || 'nothing'}, and finds ${unexpected.join(', ') || 'nothing'} that it should not`
  }
}

const patients: readonly Operation[] = [
  {
    name: 'create a patient',
    weight: 4,
    prepare({ values }) {
      const made = values(FIELDS.Patient)
      const data = inputOf(made) as Prisma.PatientCreateInput
      return creation('Patient', made, (db) => db.patient.create({ data }))
    },
  },
  {
    name: 'update some fields of a patient',
    weight: 6,
    prepare(situation) {
      const key = textKey(situation, 'Patient')
      if (key === undefined) return undefined
      const made = situation.values(some(FIELDS.Patient, situation))
      return change([{ kind: 'set', model: 'Patient', key, values: made }], (db) =>
        db.patient.update({ where: { id: key }, data: inputOf(made) as Prisma.PatientUpdateInput }),
      )
    },
  },
  {
    name: 'update its field of a shared patient',
    weight: 8,
    prepare({ random, shared, attended, values }) {
      const near = random.chance(ATTENTION) ? shared.filter(({ key }) => attended.has(key)) : []
      const share = random.pick(near.length > 0 ? near : shared)
      if (share === undefined) return undefined
      const made = values([share.field])
      return change([{ kind: 'set', model: 'Patient', key: share.key, values: made }], (db) =>
        db.patient.update({ where: { id: share.key }, data: inputOf(made) as Prisma.PatientUpdateInput }),
      )
    },
  },
  {
    name: 'update all of a patient',
    weight: 3,
    prepare(situation) {
      const key = textKey(situation, 'Patient')
      if (key === undefined) return undefined
      const made = situation.values(FIELDS.Patient)
      return change([{ kind: 'set', model: 'Patient', key, values: made }], (db) =>
        db.patient.update({ where: { id: key }, data: inputOf(made) as Prisma.PatientUpdateInput }),
      )
    },
  },
  {
    name: 'update several patients',
    weight: 2,
    prepare(situation) {
      const { values } = situation
      const keys = [...new Set(Array.from({ length: 5 }, () => textKey(situation, 'Patient') ?? []).flat())]
      if (keys.length === 0) return undefined
      const made = values(['notes', 'ward'])
      return change(
        keys.map((key) => ({ kind: 'set', model: 'Patient', key, values: made })),
        (db) => db.patient.updateMany({ where: { id: { in: [...keys] } }, data: made }),
      )
    },
  },
  {
    name: 'delete a patient with its conditions',
    weight: 2,
    prepare(situation) {
      const key = textKey(situation, 'Patient')
      if (key === undefined) return undefined
      const conditions = situation.ledger.where('Condition', { patientId: key })
      return change(
        [
          { kind: 'deleted', model: 'Patient', key },
          ...conditions.map((condition): Effect => ({ kind: 'deleted', model: 'Condition', key: condition })),
        ],
        (db) => db.patient.delete({ where: { id: key } }),
      )
    },
  },
  {
    name: 'upsert a patient who is there',
    weight: 3,
    prepare(situation) {
      const key = textKey(situation, 'Patient')
      const known = key === undefined ? undefined : situation.ledger.value('Patient', key, 'email')
      if (key === undefined || known === undefined || !canSearch(situation)) return undefined
      const made = situation.values(some(['fullName', 'notes', 'ssn'], situation)) as Text
      const email = variantOf(known.value as string, situation)
      return upsert('Patient', key, made, (db) =>
        db.patient.upsert({ where: { email }, update: made, create: { email, fullName: 'of nobody', ward: 'of nobody' } }),
      )
    },
  },
  {
    name: 'upsert a patient who is not there',
    weight: 1,
    prepare(situation) {
      if (!canSearch(situation)) return undefined
      const made = situation.values(FIELDS.Patient)
      const create = inputOf(made) as Prisma.PatientCreateInput
      return creation('Patient', made, (db) =>
        db.patient.upsert({ where: { email: create.email }, update: { fullName: 'of nobody' }, create }),
      )
    },
  },
  {
    name: 'find a patient by email',
    weight: 6,
    prepare(situation) {
      const { ledger, random, shared } = situation
      const common = shared.filter(({ field }) => field === 'email')
      const key = random.chance(0.3) ? random.pick(common)?.key : textKey(situation, 'Patient')
      const known = key === undefined ? undefined : ledger.value('Patient', key, 'email')
      if (key === undefined || known === undefined || !canSearch(situation)) return undefined
      const email = variantOf(known.value as string, situation)
      return { run: (db) => db.patient.findUnique({ where: { email } }), check: found('Patient', key, ledger) }
    },
  },
  {
    name: 'find no patient by a new email',
    weight: 1,
    prepare(situation) {
      const { email } = situation.values(['email']) as Text
      if (!canSearch(situation)) return undefined
      return {
        run: (db) => db.patient.findUnique({ where: { email: email as string } }),
        check: found('Patient', undefined, situation.ledger),
      }
    },
  },
  {
    name: 'find patients by a list of social security numbers',
    weight: 3,
    prepare(situation) {
      const { ledger } = situation
      const keys = Array.from({ length: 10 }, () => textKey(situation, 'Patient') ?? []).flat()
      const numbers = keys.flatMap((key) => (ledger.value('Patient', key, 'ssn')?.value as string | null | undefined) ?? [])
      if (numbers.length === 0 || !canSearch(situation)) return undefined
      const holders = [...new Set(numbers.flatMap((ssn) => ledger.where('Patient', { ssn })))]
      return {
        run: (db) => db.patient.findMany({ where: { ssn: { in: numbers } }, select: { id: true } }),
        check: foundAll(holders),
      }
    },
  },
  {
    name: 'be refused a second patient of one email',
    weight: 3,
    prepare(situation) {
      const key = textKey(situation, 'Patient')
      const known = key === undefined ? undefined : situation.ledger.value('Patient', key, 'email')
      if (known === undefined || !canSearch(situation)) return undefined
      const email = variantOf(known.value as string, situation)
      return {
        run: (db) => db.patient.create({ data: { email, fullName: 'of nobody', ward: 'of nobody' } }),
        refusal: 'P2002',
      }
    },
  },
]

const conditions: readonly Operation[] = [
  {
    name: 'create a condition',
    weight: 3,
    prepare(situation) {
      const patientId = textKey(situation, 'Patient')
      if (patientId === undefined) return undefined
      const made = { ...situation.values(FIELDS.Condition), patientId }
      const data: unknown = made
      return creation('Condition', made, (db) => db.condition.create({ data: data as Prisma.ConditionUncheckedCreateInput }))
    },
  },
  {
    name: 'update some fields of a condition',
    weight: 4,
    prepare(situation) {
      const key = conditionKey(situation)
      if (key === undefined) return undefined
      const made = situation.values(some(FIELDS.Condition, situation))
      return change([{ kind: 'set', model: 'Condition', key, values: made }], (db) =>
        db.condition.update({ where: { id: key }, data: made }),
      )
    },
  },
  {
    name: 'give a condition to another patient',
    weight: 2,
    prepare(situation) {
      const key = conditionKey(situation)
      const patientId = textKey(situation, 'Patient')
      // What a sealed row is bound to, a client without the extension must not change.
      if (key === undefined || patientId === undefined || !canSearch(situation)) return undefined
      return change([{ kind: 'set', model: 'Condition', key, values: { patientId } }], (db) =>
        db.condition.update({ where: { id: key }, data: { patientId } }),
      )
    },
  },
  {
    name: 'delete a condition',
    weight: 1,
    prepare(situation) {
      const key = conditionKey(situation)
      if (key === undefined) return undefined
      return change([{ kind: 'deleted', model: 'Condition', key }], (db) => db.condition.delete({ where: { id: key } }))
    },
  },
  {
    name: 'find conditions by code',
    weight: 3,
    prepare(situation) {
      const { ledger } = situation
      const key = conditionKey(situation)
      const code = key === undefined ? undefined : (ledger.value('Condition', key, 'code')?.value as string | undefined)
      if (code === undefined || !canSearch(situation)) return undefined
      return {
        run: (db) => db.condition.findMany({ where: { code }, select: { id: true } }),
        check: foundAll(ledger.where('Condition', { code })),
      }
    },
  },
]

const members: readonly Operation[] = [
  {
    name: 'create a member',
    weight: 2,
    prepare({ random, tenants, values }) {
      const tenantId = random.pick(tenants)
      if (tenantId === undefined) return undefined
      const made = { ...values(FIELDS.Member), tenantId }
      const data: unknown = made
      return creation('Member', made, (db) => db.member.create({ data: data as Prisma.MemberUncheckedCreateInput }))
    },
  },
  {
    name: 'update some fields of a member',
    weight: 4,
    prepare(situation) {
      const key = textKey(situation, 'Member')
      if (key === undefined) return undefined
      const made = situation.values(some(FIELDS.Member, situation))
      return change([{ kind: 'set', model: 'Member', key, values: made }], (db) =>
        db.member.update({ where: { id: key }, data: made }),
      )
    },
  },
  {
    name: 'delete a member',
    weight: 1,
    prepare(situation) {
      const key = textKey(situation, 'Member')
      if (key === undefined) return undefined
      return change([{ kind: 'deleted', model: 'Member', key }], (db) => db.member.delete({ where: { id: key } }))
    },
  },
  {
    name: 'upsert a member who is there',
    weight: 2,
    prepare(situation) {
      const one = memberKey(situation)
      if (one === undefined || !canSearch(situation)) return undefined
      const made = situation.values(['nickname'])
      return upsert('Member', one.key, made, (db) =>
        db.member.upsert({ where: { tenantId_email: one.unique }, update: made, create: { ...one.unique, role: 'of nobody' } }),
      )
    },
  },
  {
    name: 'find a member of a tenant by email',
    weight: 4,
    prepare(situation) {
      const one = memberKey(situation)
      if (one === undefined || !canSearch(situation)) return undefined
      return {
        run: (db) => db.member.findUnique({ where: { tenantId_email: one.unique } }),
        check: found('Member', one.key, situation.ledger),
      }
    },
  },
  {
    name: 'be refused a second member of a tenant and email',
    weight: 2,
    prepare(situation) {
      const one = memberKey(situation)
      if (one === undefined || !canSearch(situation)) return undefined
      return { run: (db) => db.member.create({ data: { ...one.unique, role: 'of nobody' } }), refusal: 'P2002' }
    },
  },
]

function memberKey(situation: Situation) {
  const key = textKey(situation, 'Member')
  if (key === undefined) return undefined
  const email = situation.ledger.value('Member', key, 'email')
  const tenantId = situation.ledger.value('Member', key, 'tenantId')
  if (email === undefined || tenantId === undefined) return undefined
  return { key, unique: { tenantId: tenantId.value as number, email: variantOf(email.value as string, situation) } }
}

export const OPERATIONS: readonly Operation[] = [...patients, ...conditions, ...members]
