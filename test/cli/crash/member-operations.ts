import type { Prisma } from '../../generated/7/client/client.ts'
import {
  canSearch,
  change,
  creation,
  found,
  type Operation,
  type Situation,
  some,
  textKey,
  upsert,
  variantOf,
} from './situation.ts'
import { FIELDS } from './values.ts'

export const MEMBER_OPERATIONS: readonly Operation[] = [
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
