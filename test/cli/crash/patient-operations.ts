import type { Prisma } from '../../generated/7/client/client.ts'
import type { Effect } from './ledger.ts'
import {
  ATTENTION,
  canSearch,
  change,
  creation,
  found,
  foundAll,
  type Operation,
  some,
  type Text,
  textKey,
  upsert,
  variantOf,
} from './situation.ts'
import { FIELDS, inputOf } from './values.ts'

export const PATIENT_OPERATIONS: readonly Operation[] = [
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
