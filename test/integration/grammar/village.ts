import type { EncryptedClient } from '../../support/encrypted-client.ts'
import type { Nulls } from '../../support/twins.ts'
import { m } from './cases.ts'

const DAY = new Date('2024-02-29T08:30:00.000Z')

/** A few rows of every kind of relation, and of every kind of column. */
export async function settle(db: EncryptedClient, { JsonNull }: Nulls): Promise<void> {
  for (const { friends, ...data } of people) {
    await db.person.create({ data: { ...data, friends: { connect: friends.map((id) => ({ id })) } } })
  }
  await db.locker.createMany({
    data: [
      { id: 'l1', code: m('1111'), place: 'hall', ownerId: 'ada' },
      { id: 'l2', code: m('2222'), place: 'attic' },
      { id: 'l3', code: m('3333'), place: 'hall', ownerId: 'bob' },
    ],
  })
  await db.badge.createMany({
    data: [
      { ownerId: 'ada', motto: m('gold'), colour: 'red' },
      { ownerId: 'bob', motto: m('iron'), colour: 'blue' },
    ],
  })
  await db.letter.createMany({
    data: [
      { id: 1, authorId: 'ada', title: m('hello'), body: { text: m('text'), list: [1, null] }, pages: 1 },
      { id: 2, authorId: 'ada', title: m('bye'), pages: 2 },
      { id: 3, authorId: 'bob', title: m('hello'), body: JsonNull, pages: 3 },
      { id: 4, title: m('lost'), body: [m('text')], pages: 1 },
    ],
  })
  await db.club.createMany({
    data: [
      { region: 'north', number: 1, title: m('chess') },
      { region: 'north', number: 2, title: m('go'), open: false },
      { region: 'south', number: 1, title: m('chess') },
    ],
  })
  await db.membership.createMany({
    data: [
      { personId: 'ada', region: 'north', number: 1, role: m('chair'), paid: 1 },
      { personId: 'ada', region: 'south', number: 1, paid: 2 },
      { personId: 'bob', region: 'north', number: 1, role: m('chair'), paid: 3 },
    ],
  })
  await db.patient.createMany({
    data: [
      { id: 'pam', email: m('pam@example.org'), ssn: m('1'), fullName: m('Pam'), notes: m('note'), ward: 'A', createdAt: DAY },
      { id: 'pat', email: m('pat@example.org'), fullName: m('Pat'), ward: 'B', createdAt: DAY },
    ],
  })
  await db.condition.createMany({
    data: [
      { id: 1, patientId: 'pam', code: m('J11'), description: m('flu'), severity: 3, startedAt: DAY },
      { id: 2, patientId: 'pat', code: m('J11'), description: m('flu, too'), startedAt: DAY },
      { id: 3, patientId: 'pam', code: m('K21'), description: m('reflux'), severity: 1, startedAt: DAY },
    ],
  })
  await db.allTypes.create({
    data: {
      id: 1,
      string: m('string'),
      int: 7734191,
      bigInt: 77341917734191n,
      float: 1.5,
      decimal: '1.50',
      boolean: true,
      dateTime: DAY,
      json: { text: m('json') },
      bytes: Buffer.from(m('bytes')),
      mood: 'CALM',
      stringList: [m('a'), m('b')],
      intList: [7734191, 7734192],
    },
  })
  await db.plain.create({ data: { id: 1, name: 'one', count: 1, createdAt: DAY } })
}

const people = [
  { id: 'ada', email: m('ada'), name: m('Ada'), age: 7734191, rank: 1, bossId: null, friends: [] },
  { id: 'bob', email: m('bob'), name: m('Bob'), age: 7734192, rank: 2, bossId: 'ada', friends: ['ada'] },
  { id: 'cem', email: m('cem'), name: m('Ada'), age: null, rank: 2, bossId: 'ada', friends: ['ada'] },
  { id: 'dea', email: m('dea'), name: m('Dea'), age: 7734191, rank: 3, bossId: 'bob', friends: [] },
]

/** Parents first. */
export const TABLES = [
  'persons',
  '_Friends',
  'Locker',
  'Badge',
  'Letter',
  'Club',
  'memberships',
  'Patient',
  'conditions',
  'all_types',
  'native_types',
  'Plain',
] as const

/** Everything that a client sees. */
export function contents(db: EncryptedClient): Promise<unknown> {
  const id = { orderBy: { id: 'asc' } } as const
  return Promise.all([
    db.person.findMany({ ...id, include: { friends: { ...id, select: { id: true } } } }),
    db.locker.findMany(id),
    db.badge.findMany({ orderBy: { ownerId: 'asc' } }),
    db.letter.findMany(id),
    db.club.findMany({ orderBy: [{ region: 'asc' }, { number: 'asc' }] }),
    db.membership.findMany({ orderBy: [{ personId: 'asc' }, { region: 'asc' }, { number: 'asc' }] }),
    db.patient.findMany(id),
    db.condition.findMany(id),
    db.allTypes.findMany(id),
    db.nativeTypes.findMany(id),
    db.plain.findMany(id),
  ])
}
