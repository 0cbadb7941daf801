import type { Prisma as Types } from '../generated/7/client/client.ts'
import { Prisma } from './client.ts'
import type { EncryptedClient } from './encrypted-client.ts'
import type { Nulls } from './twins.ts'

const DAY = new Date('2024-02-29T08:30:00.000Z')
export const HOUSE = '0b3e4e8a-5d5f-4a4e-8d0f-1f6f5a1c2d3e'
export const WATSON = '7c9e6679-7425-40de-944b-e07fc1f90ae7'

/**
 * A few rows of every model with relations, the same on every database. Normalizing changes none of the values, so that plain Prisma finds the
 * same rows.
 */
export async function seedHospital(db: EncryptedClient, { JsonNull }: Nulls = Prisma): Promise<void> {
  await db.doctor.createMany({
    data: [
      { id: HOUSE, name: 'Gregory House' },
      { id: WATSON, name: 'John Watson' },
    ],
  })
  await db.tag.createMany({ data: [{ label: 'urgent' }, { label: 'private' }, { label: 'unused' }] })
  for (const data of patients(JsonNull)) await db.patient.create({ data })
  await db.condition.createMany({ data: conditions })
  await db.tenant.createMany({ data: [{ name: 'North' }, { name: 'South' }, { name: 'Empty' }] })
  await db.member.createMany({ data: members })
  for (const data of categories) await db.category.create({ data })
  await db.contact.createMany({ data: contacts })
  await db.plain.createMany({
    data: [
      { name: 'one', createdAt: DAY },
      { name: 'two', count: 2, createdAt: DAY },
    ],
  })
}

const patients = (JsonNull: Nulls['JsonNull']): Types.PatientCreateInput[] => [
  {
    id: 'ada',
    email: 'ada@example.org',
    ssn: '111-11-1111',
    fullName: 'Ada Lovelace',
    birthDate: new Date('1815-12-10T00:00:00.000Z'),
    history: { visits: [1, null, { ward: 'B2' }] },
    notes: 'Prefers mornings.',
    ward: 'A1',
    createdAt: DAY,
    doctor: { connect: { id: HOUSE } },
    profile: { create: { bio: 'Wrote the first program.', phone: '+44 1', theme: 'dark' } },
    tags: { connect: [{ id: 1 }, { id: 2 }] },
  },
  {
    id: 'bob',
    email: 'bob@example.org',
    ssn: '222-22-2222',
    fullName: 'Bob Bush',
    history: JsonNull,
    ward: 'A1',
    createdAt: DAY,
    doctor: { connect: { id: HOUSE } },
    profile: { create: { phone: '+44 2' } },
    tags: { connect: [{ id: 2 }] },
  },
  { id: 'cem', email: 'cem@example.org', ssn: '111-11-1111', fullName: 'Cem Can', notes: '', ward: 'B2', createdAt: DAY },
  {
    id: 'dea',
    email: 'dea@example.org',
    fullName: 'Dea Dunn',
    birthDate: new Date('2001-01-01T01:02:03.004Z'),
    ward: 'B2',
    createdAt: DAY,
    doctor: { connect: { id: WATSON } },
  },
]

const conditions: Types.ConditionCreateManyInput[] = [
  { patientId: 'ada', code: 'J11', description: 'flu', severity: 3, startedAt: DAY },
  { patientId: 'ada', code: 'M54', description: 'back pain', severity: 5, startedAt: DAY },
  { patientId: 'bob', code: 'J11', description: 'flu again', startedAt: DAY },
  { patientId: 'cem', code: 'K21', description: 'reflux', severity: 1, startedAt: DAY },
  { patientId: 'cem', code: 'J11', description: 'flu, too', severity: 2, startedAt: DAY },
]

const members: Types.MemberCreateManyInput[] = [
  { id: 'm1', tenantId: 1, email: 'eve@example.org', nickname: 'Evie', role: 'admin' },
  { id: 'm2', tenantId: 1, email: 'fay@example.org' },
  { id: 'm3', tenantId: 2, email: 'eve@example.org', nickname: 'The other Eve' },
]

const categories: Types.CategoryUncheckedCreateInput[] = [
  { name: 'all' },
  { name: 'inner', parentId: 1 },
  { name: 'outer', parentId: 1 },
  { name: 'heart', parentId: 2 },
]

const contacts: Types.ContactCreateManyInput[] = [
  { email: 'gil@example.org', backupEmail: 'hal@example.org', familyName: 'Gilbert', street: '1 High Street' },
  { email: 'hal@example.org', backupEmail: 'hal@example.org', familyName: 'Hall', street: '2 High Street' },
  { email: 'ivy@example.org', familyName: 'Ivory', street: '3 High Street' },
]
