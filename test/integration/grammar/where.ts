import type { Prisma as Types } from '../../generated/7/client/client.ts'
import type { Nulls } from '../../support/twins.ts'
import { type Case, m, refused, same, token } from './cases.ts'
import type { Line } from './lines.ts'

const byId = { orderBy: { id: 'asc' } } as const

type Answer = typeof token
const people = (answer: Answer, line: Line, name: string, where: Types.PersonWhereInput): Case =>
  answer(line, name, (db) => db.person.findMany({ where, ...byId }))
const letters = (
  answer: Answer,
  line: Line,
  name: string,
  where: Types.LetterWhereInput | ((nulls: Nulls) => Types.LetterWhereInput),
): Case =>
  answer(line, name, (db, nulls) => db.letter.findMany({ where: typeof where === 'function' ? where(nulls) : where, ...byId }))
const clubs = (line: Line, name: string, where: Types.ClubWhereInput): Case =>
  token(line, name, (db) => db.club.findMany({ where, orderBy: [{ region: 'asc' }, { number: 'asc' }] }))
const patients = (line: Line, name: string, where: Types.PatientWhereInput): Case =>
  token(line, name, (db) => db.patient.findMany({ where, ...byId }))

const equality: readonly Case[] = [
  people(token, 'where.shorthand', 'finds by a token', { email: m('ada') }),
  people(token, 'where.shorthand', 'finds nobody', { email: m('nobody') }),
  letters(token, 'where.shorthand', 'finds within a scope', { authorId: 'ada', title: m('hello') }),
  people(same, 'where.shorthand', 'of a column that is not encrypted', { rank: 2, bossId: 'ada' }),
  people(same, 'where.null', 'bare', { age: null }),
  people(same, 'where.null', 'in equals', { age: { equals: null } }),
  people(same, 'where.null', 'in not', { age: { not: null } }),
  letters(same, 'where.null', 'as DbNull', ({ DbNull }) => ({ body: { equals: DbNull } })),
  letters(same, 'where.null', 'as not DbNull', ({ DbNull }) => ({ NOT: { body: { equals: DbNull } } })),
  patients('where.null', 'of a searchable field', { ssn: null }),
  patients('where.null', 'of a searchable field, not', { ssn: { not: null } }),
  people(token, 'where.equals', 'finds by a token', { email: { equals: m('bob') } }),
  patients('where.equals', 'finds by an optional field', { ssn: { equals: m('1') } }),
  people(token, 'where.in', 'of several', { email: { in: [m('ada'), m('nobody'), m('cem')] } }),
  people(token, 'where.in', 'of none', { email: { in: [] } }),
  people(token, 'where.in', 'of 5,000', { email: { in: [...Array.from({ length: 5000 }, (_, i) => m(`${i}`)), m('dea')] } }),
  people(token, 'where.notIn', 'of several', { email: { notIn: [m('ada'), m('nobody')] } }),
  people(token, 'where.notIn', 'of none', { email: { notIn: [] } }),
  people(token, 'where.not', 'of a value', { email: { not: m('ada') } }),
  people(token, 'where.not', 'of a filter', { email: { not: { in: [m('ada'), m('bob')] } } }),
  people(token, 'where.not', 'of not', { email: { not: { not: { equals: m('ada') } } } }),
  patients('where.not', 'of a value leaves NULL out', { ssn: { not: m('2') } }),
  patients('where.not', 'of a value and null', { ssn: { not: { in: [m('2')] } } }),
  patients('where.mode', 'is answered by tokens that fold case', {
    email: { equals: m('PAM@example.org'), mode: 'insensitive' },
  }),
  patients('where.mode', 'of in', { email: { in: [m('Pat@Example.org'), m('x')], mode: 'insensitive' } }),
  patients('where.mode', 'default', { ssn: { equals: m('1'), mode: 'default' } }),
]

const combined: readonly Case[] = [
  people(token, 'where.AND', 'of an object', { AND: { email: m('ada'), rank: 1 } }),
  people(token, 'where.AND', 'of a list', { AND: [{ email: m('ada') }, { email: { in: [m('ada'), m('bob')] } }] }),
  people(token, 'where.AND', 'of a list that contradicts itself', { AND: [{ email: m('ada') }, { email: m('bob') }] }),
  people(same, 'where.AND', 'of nothing', { AND: [] }),
  letters(token, 'where.AND', 'gives the scope', { AND: [{ authorId: { equals: 'ada' } }], title: m('bye') }),
  people(token, 'where.OR', 'of two tokens', { OR: [{ email: m('ada') }, { email: m('dea') }] }),
  people(token, 'where.OR', 'of a token and a column', { OR: [{ email: m('ada') }, { rank: { gte: 3 } }], age: { not: null } }),
  people(same, 'where.OR', 'of nothing', { OR: [] }),
  letters(token, 'where.OR', 'of scopes', {
    OR: [
      { authorId: 'ada', title: m('hello') },
      { authorId: 'bob', title: m('bye') },
    ],
  }),
  people(token, 'where.NOT', 'of an object', { NOT: { email: m('ada') } }),
  people(token, 'where.NOT', 'of a list', { NOT: [{ email: m('ada') }, { email: m('bob') }] }),
  people(token, 'where.NOT', 'of an object with two', { NOT: { email: m('ada'), rank: 2 } }),
  people(same, 'where.NOT', 'of nothing', { NOT: [] }),
]

const related: readonly Case[] = [
  people(token, 'where.some', 'of a list of the model itself', { staff: { some: { email: m('dea') } } }),
  people(token, 'where.some', 'of many to many', { friends: { some: { email: m('ada') } } }),
  people(token, 'where.some', 'with the scope', { letters: { some: { authorId: 'bob', title: m('hello') } } }),
  people(same, 'where.some', 'of nothing', { letters: { some: {} } }),
  people(token, 'where.some', 'through two relations', {
    memberships: { some: { club: { region: 'south', title: m('chess') } } },
  }),
  people(token, 'where.every', 'of a list', { staff: { every: { email: { in: [m('bob'), m('cem')] } } } }),
  people(same, 'where.every', 'of nulls', { memberships: { every: { role: { not: null } } } }),
  people(token, 'where.none', 'of a list', { staff: { none: { email: m('cem') } } }),
  clubs('where.none', 'of a list below a compound key', { memberships: { none: { person: { email: m('bob') } } } }),
  people(token, 'where.is', 'of the side with the foreign key', { boss: { is: { email: m('ada') } } }),
  people(token, 'where.is', 'of the other side', { badge: { is: { motto: m('gold') } } }),
  people(same, 'where.is', 'of null', { boss: { is: null } }),
  people(token, 'where.isNot', 'of a relation', { boss: { isNot: { email: m('ada') } } }),
  people(token, 'where.isNot', 'of the other side', { badge: { isNot: { motto: m('gold') } } }),
  people(same, 'where.isNot', 'of null', { locker: { isNot: null } }),
  people(token, 'where.toOne', 'of the side with the foreign key', { boss: { email: m('bob') } }),
  people(token, 'where.toOne', 'of the other side', { badge: { motto: { not: m('gold') } } }),
  people(same, 'where.toOne', 'null', { locker: null }),
  people(token, 'where.toOne', 'through two relations', { boss: { boss: { email: m('ada') } } }),
]

const unique: readonly Case[] = [
  token('where.unique', 'that is encrypted', (db) => db.person.findUnique({ where: { email: m('ada') } })),
  token('where.unique', 'of a row whose key is its parent’s', (db) => db.badge.findUnique({ where: { motto: m('iron') } })),
  token('where.unique', 'that finds nothing', (db) => db.person.findUnique({ where: { email: m('nobody') } })),
  same('where.unique', 'that is not encrypted', (db) => db.locker.findUnique({ where: { ownerId: 'ada' } })),
  token('where.unique', 'in several look-ups of one turn', (db) =>
    Promise.all(['ada', 'bob', 'nobody'].map((name) => db.person.findUnique({ where: { email: m(name) } }))),
  ),
  token('where.compound', 'with an encrypted part', (db) =>
    db.club.findUnique({ where: { region_title: { region: 'south', title: m('chess') } } }),
  ),
  same('where.compound', 'of three columns', (db) =>
    db.membership.findUnique({ where: { personId_region_number: { personId: 'ada', region: 'north', number: 1 } } }),
  ),
  token('where.uniqueAndMore', 'a token beside a token', (db) =>
    db.person.findUnique({ where: { email: m('ada'), badge: { motto: m('gold') } } }),
  ),
  token('where.uniqueAndMore', 'that do not hold', (db) =>
    db.person.findUnique({ where: { id: 'ada', NOT: { email: m('ada') } } }),
  ),
  token('where.uniqueAndMore', 'AND, OR and relations', (db) =>
    db.person.findUnique({
      where: { id: 'bob', AND: [{ email: m('bob') }], OR: [{ rank: 9 }, { email: m('bob') }], boss: { email: m('ada') } },
    }),
  ),
  token('where.uniqueAndMore', 'beside a compound key', (db) =>
    db.club.findUnique({ where: { region_number: { region: 'north', number: 2 }, title: m('go'), open: false } }),
  ),
]

const find = ['findMany'] as const
const person = (operator: Line, field: 'email' | 'name', filter: unknown): Case =>
  refused(operator, `of ${field}`, `Person.${field}`, ['person', ...find], { where: { [field]: filter } })
const operators = ['lt', 'lte', 'gt', 'gte', 'contains', 'startsWith', 'endsWith', 'search'] as const
const values = (line: Line, field: string, filter: object): Case =>
  refused(line, `${Object.keys(filter).join(' ')} of ${field}`, `AllTypes.${field}`, ['allTypes', ...find], {
    where: { [field]: filter },
  })
const body = (line: Line, filter: object): Case =>
  refused(line, Object.keys(filter).join(' '), 'Letter.body', ['letter', ...find], { where: { body: filter } })

const unanswerable: readonly Case[] = [
  ...operators.flatMap((operator) => [
    person(`where.${operator}`, 'email', { [operator]: m('a') }),
    person(`where.${operator}`, 'name', { not: { [operator]: m('a') } }),
  ]),
  person('where.shorthand', 'name', m('Ada')),
  person('where.equals', 'name', { equals: m('Ada') }),
  person('where.in', 'name', { in: [m('Ada')] }),
  person('where.notIn', 'name', { notIn: [m('Ada')] }),
  person('where.not', 'name', { not: m('Ada') }),
  refused('where.mode', 'where tokens do not fold case', 'Person.email', ['person', ...find], {
    where: { email: { equals: m('ada'), mode: 'insensitive' } },
  }),
  values('where.has', 'stringList', { has: m('a') }),
  values('where.hasEvery', 'stringList', { hasEvery: [m('a')] }),
  values('where.hasSome', 'intList', { hasSome: [7734191] }),
  values('where.isEmpty', 'intList', { isEmpty: true }),
  values('where.list', 'stringList', { equals: [m('a')] }),
  body('where.path', { path: ['text'], equals: m('text') }),
  body('where.path', { path: ['n'], gte: 1 }),
  body('where.string', { string_contains: m('text') }),
  body('where.string', { path: ['text'], string_starts_with: m('text') }),
  body('where.string', { string_ends_with: m('text') }),
  body('where.array', { array_contains: [m('text')] }),
  body('where.array', { path: ['list'], array_starts_with: m('text') }),
  body('where.array', { array_ends_with: m('text') }),
]

export const where: readonly Case[] = [...equality, ...combined, ...related, ...unique, ...unanswerable]
