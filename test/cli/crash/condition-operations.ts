import type { Prisma } from '../../generated/7/client/client.ts'
import { canSearch, change, creation, foundAll, type Operation, ownKey, type Situation, some, textKey } from './situation.ts'
import { FIELDS } from './values.ts'

const conditionKey = (situation: Situation) => ownKey(situation, 'Condition') as number | undefined

export const CONDITION_OPERATIONS: readonly Operation[] = [
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
