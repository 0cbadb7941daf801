import { EnvelopeError, type EnvelopeErrorCode } from 'prisma-envelope'
import { describe, expect, test } from 'vitest'
import type { Prisma as Types } from '../generated/7/client/client.ts'
import { models, Prisma } from '../support/client.ts'
import { createEncryptedClient } from '../support/encrypted-client.ts'
import { createWatchedClient } from '../support/query-log.ts'

const { prisma, queriesOf } = createWatchedClient(await createEncryptedClient('refusals'))

/** Stands wherever a case gives a value: no message may hold it. */
const SECRET = 'Lovelace'

interface Place {
  readonly model: string
  readonly field: string
  readonly operation: string
  readonly code?: EnvelopeErrorCode
}

/** The call is refused with an error that names the place, and no statement was sent. */
async function expectRefusal(call: () => Promise<unknown>, { code = 'UNSUPPORTED', ...place }: Place): Promise<void> {
  let error: unknown
  const queries = await queriesOf(async () => {
    error = await call().then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
  })
  expect(error).toBeInstanceOf(EnvelopeError)
  const { message } = error as EnvelopeError
  expect(error).toMatchObject({ code, ...place })
  expect(message).toContain(`${place.model}.${place.field} in ${place.operation}: `)
  expect(message).not.toContain(SECRET)
  expect(queries).toEqual([])
}

type Case = [title: string, call: () => Promise<unknown>, place: Place]

function areRefused(cases: readonly Case[]): void {
  test.each(cases)('%s', (_, call, place) => expectRefusal(call, place))
}

describe('a filter that ciphertext can’t answer is refused:', () => {
  const patient = (field: string, filter: unknown): Case => [
    `${field}: ${JSON.stringify(filter)}`,
    () => prisma.patient.findMany({ where: { [field]: filter } }),
    { model: 'Patient', field, operation: 'findMany' },
  ]
  const values = (field: string, filter: unknown): Case => [
    `${field}: ${JSON.stringify(filter)}`,
    () => prisma.allTypes.findFirst({ where: { [field]: filter } }),
    { model: 'AllTypes', field, operation: 'findFirst' },
  ]
  const operators = ['lt', 'lte', 'gt', 'gte', 'contains', 'startsWith', 'endsWith', 'search']

  areRefused([
    ...['email', 'fullName'].flatMap((field) => operators.map((operator) => patient(field, { [operator]: SECRET }))),
    patient('email', { not: { contains: SECRET } }),
    patient('email', { equals: 'x', startsWith: SECRET }),
    patient('ssn', { equals: SECRET, mode: 'insensitive' }),
    patient('email', `~abcd.${'A'.repeat(43)}`),
    patient('ssn', { notIn: [SECRET, `~abcd.${'A'.repeat(43)}`] }),
    patient('fullName', SECRET),
    patient('fullName', { equals: SECRET }),
    patient('fullName', { not: SECRET }),
    patient('fullName', { not: { equals: SECRET } }),
    patient('fullName', { in: [SECRET] }),
    patient('fullName', { notIn: [SECRET] }),
    patient('birthDate', new Date(0)),
    patient('birthDate', { gte: new Date(0) }),
    patient('history', { equals: { name: SECRET } }),
    patient('history', { not: SECRET }),
    patient('history', { path: ['visits'], equals: 1 }),
    patient('history', { path: ['name'], string_contains: SECRET }),
    patient('history', { string_starts_with: SECRET }),
    patient('history', { array_contains: [SECRET] }),
    patient('history', { equals: Prisma.JsonNull }),
    patient('history', { equals: Prisma.AnyNull }),
    patient('history', { not: Prisma.AnyNull }),
    values('int', { gt: 3 }),
    values('bigInt', { in: [3, 4] }),
    values('float', { lte: 1.5 }),
    values('decimal', { equals: new Prisma.Decimal(1) }),
    values('boolean', true),
    values('boolean', { not: true }),
    values('bytes', new Uint8Array([1])),
    values('mood', { in: ['CALM'] }),
    values('stringList', { has: SECRET }),
    values('stringList', { hasEvery: [SECRET] }),
    values('intList', { hasSome: [1] }),
    values('intList', { isEmpty: true }),
    values('stringList', { equals: [SECRET] }),
    values('stringList', [SECRET]),
    values('moodList', { isEmpty: false }),
  ])
})

describe('a refused filter is refused wherever it stands:', () => {
  const where = { fullName: { contains: SECRET } }
  const at = (operation: string): Place => ({ model: 'Patient', field: 'fullName', operation })
  const unique = { id: 'x', ...where }
  const data = { ward: 'Z' }

  areRefused([
    ['findUnique', () => prisma.patient.findUnique({ where: unique }), at('findUnique')],
    ['findUniqueOrThrow', () => prisma.patient.findUniqueOrThrow({ where: unique }), at('findUniqueOrThrow')],
    ['findFirst', () => prisma.patient.findFirst({ where }), at('findFirst')],
    ['findFirstOrThrow', () => prisma.patient.findFirstOrThrow({ where }), at('findFirstOrThrow')],
    ['findMany', () => prisma.patient.findMany({ where }), at('findMany')],
    ['count', () => prisma.patient.count({ where }), at('count')],
    ['aggregate', () => prisma.patient.aggregate({ where, _count: true }), at('aggregate')],
    ['groupBy', () => prisma.patient.groupBy({ by: ['ward'], where }), at('groupBy')],
    ['update', () => prisma.patient.update({ where: unique, data }), at('update')],
    ['updateMany', () => prisma.patient.updateMany({ where, data }), at('updateMany')],
    ['updateManyAndReturn', () => prisma.patient.updateManyAndReturn({ where, data }), at('updateManyAndReturn')],
    ['delete', () => prisma.patient.delete({ where: unique }), at('delete')],
    ['deleteMany', () => prisma.patient.deleteMany({ where }), at('deleteMany')],
    [
      'upsert',
      () => prisma.tag.upsert({ where: { id: 1, patients: { some: where } }, create: { label: 'x' }, update: {} }),
      at('upsert'),
    ],
    ['AND', () => prisma.patient.findMany({ where: { AND: where } }), at('findMany')],
    ['AND of several', () => prisma.patient.findMany({ where: { AND: [{ ward: 'Z' }, where] } }), at('findMany')],
    ['OR', () => prisma.patient.findMany({ where: { OR: [{ ward: 'Z' }, { NOT: [where] }] } }), at('findMany')],
    ['NOT', () => prisma.patient.findMany({ where: { NOT: where } }), at('findMany')],
    ['some', () => prisma.tag.findMany({ where: { patients: { some: where } } }), at('findMany')],
    ['every', () => prisma.tag.findMany({ where: { patients: { every: { AND: where } } } }), at('findMany')],
    ['none', () => prisma.doctor.count({ where: { patients: { none: where } } }), at('count')],
    ['is', () => prisma.condition.findMany({ where: { patient: { is: where } } }), at('findMany')],
    ['isNot', () => prisma.profile.findMany({ where: { patient: { isNot: where } } }), at('findMany')],
    ['the bare to-one filter', () => prisma.condition.findMany({ where: { patient: where } }), at('findMany')],
    ['a cursor', () => prisma.patient.findMany({ cursor: unique }), at('findMany')],
    ['an include', () => prisma.tag.findMany({ include: { patients: { where } } }), at('findMany')],
    [
      'a select below an include',
      () => prisma.tag.findFirst({ include: { patients: { select: { doctor: { select: { patients: { where } } } } } } }),
      at('findFirst'),
    ],
    [
      'a to-one include',
      () => prisma.patient.findMany({ include: { doctor: { include: { patients: { cursor: unique } } } } }),
      at('findMany'),
    ],
    [
      'the count of a relation',
      () => prisma.tag.findMany({ select: { _count: { select: { patients: { where } } } } }),
      at('findMany'),
    ],
    [
      'the count of a relation below another',
      () =>
        prisma.condition.findMany({
          include: { patient: { include: { tags: { include: { _count: { select: { patients: { where } } } } } } } },
        }),
      at('findMany'),
    ],
    [
      'the selection of a write',
      () => prisma.tag.create({ data: { label: 'x' }, include: { patients: { where } } }),
      at('create'),
    ],
    ['the fluent API', () => prisma.tag.findUnique({ where: { id: 1 } }).patients({ where }), at('findUnique')],
    ['connect', () => prisma.tag.create({ data: { label: 'x', patients: { connect: unique } } }), at('create')],
    ['a nested delete', () => prisma.tag.update({ where: { id: 1 }, data: { patients: { deleteMany: where } } }), at('update')],
  ])
})

describe('a comparison with another column is refused:', () => {
  const { fields } = prisma.patient
  const patient = (title: string, field: string, where: Types.PatientWhereInput): Case => [
    title,
    () => prisma.patient.findMany({ where }),
    { model: 'Patient', field, operation: 'findMany' },
  ]

  areRefused([
    patient('of an encrypted column with a plain one', 'ssn', { ssn: { equals: fields.ward } }),
    patient('of an encrypted column with an encrypted one', 'ssn', { ssn: { equals: fields.email } }),
    patient('by in', 'ssn', { ssn: { in: fields.ward } } as object),
    patient('by not', 'email', { email: { not: fields.ward as never } }),
    patient('by not of a filter', 'email', { email: { not: { equals: fields.ward } } }),
    patient('by contains', 'fullName', { fullName: { contains: fields.ward } } as object),
    patient('of a plain column with an encrypted one', 'fullName', { ward: { equals: fields.fullName } }),
    patient('of a plain column with a searchable one', 'ssn', { ward: { not: { startsWith: fields.ssn } } }),
    patient('below NOT and a relation', 'email', {
      NOT: { doctor: { patients: { some: { ward: { in: [fields.email as never] } } } } },
    }),
    [
      'of groups',
      () =>
        prisma.condition.groupBy({
          by: ['severity'],
          having: { severity: { equals: prisma.condition.fields.code as never } },
        }),
      { model: 'Condition', field: 'code', operation: 'groupBy' },
    ],
    [
      'of aggregates of groups',
      () =>
        prisma.condition.groupBy({
          by: ['severity'],
          having: { OR: [{ severity: { _max: { gt: prisma.condition.fields.code as never } } }] },
        }),
      { model: 'Condition', field: 'code', operation: 'groupBy' },
    ],
    [
      'as the value of an encrypted field',
      () => prisma.patient.update({ where: { id: 'x' }, data: { notes: fields.ward as never } }),
      { model: 'Patient', field: 'notes', operation: 'update' },
    ],
  ])

  test('between plain columns it is not', async () => {
    expect(await prisma.patient.findMany({ where: { ward: { equals: fields.id } } })).toEqual([])
  })
})

describe('an order, group or aggregate of an encrypted column is refused:', () => {
  const at = (operation: string, field = 'fullName', model = 'Patient'): Place => ({ model, field, operation })
  const code = (operation: string) => at(operation, 'code', 'Condition')

  areRefused([
    ['orderBy', () => prisma.patient.findMany({ orderBy: { fullName: 'asc' } }), at('findMany')],
    ['orderBy of a searchable field', () => prisma.patient.findFirst({ orderBy: { email: 'desc' } }), at('findFirst', 'email')],
    ['orderBy in a list', () => prisma.patient.findMany({ orderBy: [{ id: 'asc' }, { fullName: 'asc' }] }), at('findMany')],
    [
      'orderBy with nulls',
      () => prisma.patient.findMany({ orderBy: { notes: { sort: 'asc', nulls: 'last' } } }),
      at('findMany', 'notes'),
    ],
    [
      'orderBy through a relation',
      () => prisma.condition.findMany({ orderBy: { patient: { fullName: 'asc' } } }),
      at('findMany'),
    ],
    [
      'orderBy through relations',
      () => prisma.condition.findMany({ orderBy: [{ patient: { doctor: { name: 'asc' } } }] }),
      at('findMany', 'name', 'Doctor'),
    ],
    [
      'orderBy in an include',
      () => prisma.tag.findMany({ include: { patients: { orderBy: { fullName: 'asc' } } } }),
      at('findMany'),
    ],
    [
      'orderBy of relevance',
      () => prisma.patient.findMany({ orderBy: { _relevance: { fields: ['fullName'], search: SECRET, sort: 'asc' } } as object }),
      at('findMany'),
    ],
    ['orderBy in aggregate', () => prisma.patient.aggregate({ orderBy: { fullName: 'asc' }, _count: true }), at('aggregate')],
    ['distinct', () => prisma.patient.findMany({ distinct: ['fullName'] }), at('findMany')],
    ['distinct of a bare name', () => prisma.patient.findFirst({ distinct: 'fullName' }), at('findFirst')],
    ['distinct among others', () => prisma.patient.findMany({ distinct: ['ward', 'ssn', 'notes'] }), at('findMany', 'notes')],
    ['distinct in an include', () => prisma.tag.findMany({ include: { patients: { distinct: ['fullName'] } } }), at('findMany')],
    ['distinct without the scope', () => prisma.member.findMany({ distinct: ['email'] }), at('findMany', 'email', 'Member')],
    ['by', () => prisma.patient.groupBy({ by: ['ward', 'fullName'] }), at('groupBy')],
    ['by of a bare name', () => prisma.patient.groupBy({ by: 'fullName' }), at('groupBy')],
    ['by without the scope', () => prisma.member.groupBy({ by: ['email'] }), at('groupBy', 'email', 'Member')],
    ['having', () => prisma.condition.groupBy({ by: ['severity'], having: { code: SECRET } as object }), code('groupBy')],
    [
      'having of a count',
      () => prisma.condition.groupBy({ by: ['severity'], having: { code: { _count: { gt: 1 } } } }),
      code('groupBy'),
    ],
    [
      'having below AND, OR and NOT',
      () =>
        prisma.condition.groupBy({
          by: ['severity'],
          having: { AND: [{ OR: [{ NOT: { code: { _min: { equals: SECRET } } } }] }] },
        }),
      code('groupBy'),
    ],
    [
      'orderBy of groups',
      () => prisma.condition.groupBy({ by: ['severity'], orderBy: { code: 'asc' } as never }),
      code('groupBy'),
    ],
    [
      'orderBy of an aggregate of groups',
      () => prisma.condition.groupBy({ by: ['severity'], orderBy: { _max: { code: 'asc' } } }),
      code('groupBy'),
    ],
    ['_min of groups', () => prisma.condition.groupBy({ by: ['severity'], _min: { code: true } }), code('groupBy')],
    ['_min', () => prisma.patient.aggregate({ _min: { birthDate: true } }), at('aggregate', 'birthDate')],
    ['_max', () => prisma.patient.aggregate({ _max: { email: true } }), at('aggregate', 'email')],
    ['_avg', () => prisma.allTypes.aggregate({ _avg: { int: true } }), at('aggregate', 'int', 'AllTypes')],
    ['_sum', () => prisma.allTypes.aggregate({ _sum: { decimal: true } }), at('aggregate', 'decimal', 'AllTypes')],
  ])

  test('no encrypted field of any model slips through', async () => {
    const fields = Object.entries(models).flatMap(([model, { columns }]) =>
      Object.entries(columns)
        .filter(([, column]) => column.encrypted !== undefined && model !== 'Wide')
        .map(([field, column]) => ({ model, field, searchable: column.encrypted?.search !== undefined })),
    )
    expect(fields.length).toBeGreaterThan(70)
    for (const { model, field, searchable } of fields) {
      const delegate = prisma[`${model.charAt(0).toLowerCase()}${model.slice(1)}` as 'patient']
      await expectRefusal(() => delegate.findMany({ orderBy: { [field]: 'asc' } }), at('findMany', field, model))
      await expectRefusal(() => delegate.aggregate({ _max: { [field]: true } }), at('aggregate', field, model))
      await expectRefusal(() => delegate.findMany({ where: { [field]: { gt: 1 } } }), at('findMany', field, model))
      if (searchable) continue
      await expectRefusal(() => delegate.findMany({ distinct: field as 'ward' }), at('findMany', field, model))
      await expectRefusal(() => delegate.groupBy({ by: [field as 'ward'] }), at('groupBy', field, model))
    }
  })
})

describe('the envelope as input is refused:', () => {
  const envelope = { v: 1, ct: SECRET }
  const at = (operation: string, model = 'Patient', field = 'envelope'): Place => ({
    code: 'ENVELOPE_INPUT',
    model,
    field,
    operation,
  })
  const patient = { email: 'x', fullName: 'x', ward: 'Z', envelope }

  areRefused([
    ['where', () => prisma.patient.findMany({ where: { envelope: { equals: envelope } } }), at('findMany')],
    ['where of its nullness', () => prisma.patient.findMany({ where: { envelope: { equals: Prisma.DbNull } } }), at('findMany')],
    [
      'where below NOT',
      () => prisma.patient.findMany({ where: { NOT: { envelope: { path: ['ct'], equals: SECRET } } } }),
      at('findMany'),
    ],
    [
      'where of a relation',
      () => prisma.tag.findMany({ where: { patients: { some: { envelope: { not: envelope } } } } }),
      at('findMany'),
    ],
    [
      'where by another name',
      () => prisma.contact.count({ where: { sealed: { equals: envelope } } }),
      at('count', 'Contact', 'sealed'),
    ],
    ['cursor', () => prisma.patient.findMany({ cursor: { id: 'x', envelope: { equals: envelope } } }), at('findMany')],
    ['orderBy', () => prisma.patient.findMany({ orderBy: { envelope: 'asc' } }), at('findMany')],
    [
      'orderBy through a relation',
      () => prisma.condition.findMany({ orderBy: { patient: { envelope: 'asc' } } }),
      at('findMany'),
    ],
    ['distinct', () => prisma.patient.findMany({ distinct: ['envelope'] }), at('findMany')],
    ['by', () => prisma.patient.groupBy({ by: ['envelope'] }), at('groupBy')],
    ['having', () => prisma.patient.groupBy({ by: ['ward'], having: { envelope: { equals: envelope } } }), at('groupBy')],
    ['_max', () => prisma.patient.aggregate({ _max: { envelope: true } as object }), at('aggregate')],
    ['create', () => prisma.patient.create({ data: patient }), at('create')],
    ['createMany', () => prisma.patient.createMany({ data: [patient] }), at('createMany')],
    ['createManyAndReturn', () => prisma.patient.createManyAndReturn({ data: patient }), at('createManyAndReturn')],
    ['a nested create', () => prisma.tag.create({ data: { label: 'x', patients: { create: [patient] } } }), at('create')],
    ['update', () => prisma.patient.update({ where: { id: 'x' }, data: { envelope } }), at('update')],
    ['update to NULL', () => prisma.patient.update({ where: { id: 'x' }, data: { envelope: Prisma.DbNull } }), at('update')],
    ['updateMany', () => prisma.patient.updateMany({ data: { envelope } }), at('updateMany')],
    [
      'a nested update',
      () => prisma.tag.update({ where: { id: 1 }, data: { patients: { update: { where: { id: 'x' }, data: { envelope } } } } }),
      at('update'),
    ],
  ])
})

describe('arithmetic on an encrypted column is refused:', () => {
  const update = (field: string, operator: string, value: unknown): Case => [
    `${operator} of ${field}`,
    () => prisma.allTypes.update({ where: { id: 1 }, data: { [field]: { [operator]: value } } }),
    { model: 'AllTypes', field, operation: 'update' },
  ]
  areRefused([
    update('int', 'increment', 1),
    update('bigInt', 'decrement', 1n),
    update('float', 'multiply', 2),
    update('decimal', 'divide', 2),
    update('stringList', 'push', SECRET),
    update('intList', 'push', [1, 2]),
  ])
})

test('a refusal inside an interactive transaction leaves it usable', async () => {
  await prisma.$transaction(async (tx) => {
    await expect(tx.patient.findMany({ orderBy: { fullName: 'asc' } })).rejects.toThrow(EnvelopeError)
    expect(await tx.patient.count()).toBe(0)
  })
})

test('a refusal in a batch transaction rejects all of it', async () => {
  const batch = prisma.$transaction([
    prisma.plain.create({ data: { name: 'never' } }),
    prisma.patient.findMany({ where: { fullName: SECRET } }),
  ])
  await expect(batch).rejects.toThrow(EnvelopeError)
  expect(await prisma.plain.count()).toBe(0)
})
