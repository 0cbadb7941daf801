import { type Case, m, refused, same, token } from './cases.ts'
import type { Line } from './lines.ts'

const letters = (line: Line, name: string, args: object): Case =>
  refused(line, name, 'Letter.title', ['letter', 'groupBy'], { by: ['authorId'], ...args })

export const groups: readonly Case[] = [
  token('groupBy.by', 'a searchable field', (db) =>
    db.condition.groupBy({ by: ['code'], _count: true, orderBy: { _count: { id: 'desc' } } }),
  ),
  token('groupBy.by', 'a bare name', (db) =>
    db.condition.groupBy({ by: 'code', _sum: { severity: true }, orderBy: { _max: { id: 'asc' } } }),
  ),
  token('groupBy.by', 'a unique field', (db) =>
    db.person.groupBy({ by: ['rank', 'email'], _count: { _all: true }, orderBy: [{ rank: 'asc' }, { _max: { id: 'asc' } }] }),
  ),
  token('groupBy.by', 'an optional field', (db) => db.patient.groupBy({ by: ['ssn'], orderBy: { _max: { ward: 'asc' } } })),
  token('groupBy.by', 'with the scope', (db) =>
    db.letter.groupBy({ by: ['authorId', 'title'], _min: { id: true, pages: true }, orderBy: { _min: { id: 'asc' } } }),
  ),
  token('groupBy.by', 'a part of a compound key', (db) =>
    db.club.groupBy({ by: ['title', 'region'], _count: true, orderBy: { _max: { number: 'asc' } }, where: { region: 'north' } }),
  ),
  token('groupBy.by', 'with take and skip', (db) =>
    db.condition.groupBy({ by: ['code'], _count: true, orderBy: { _max: { id: 'asc' } }, take: 1, skip: 1 }),
  ),
  same('groupBy.by', 'columns that are not encrypted', (db) =>
    db.person.groupBy({ by: ['bossId', 'rank'], _count: true, orderBy: [{ bossId: 'asc' }, { rank: 'asc' }] }),
  ),
  refused('groupBy.by', 'a field that is not searchable', 'Person.name', ['person', 'groupBy'], { by: ['rank', 'name'] }),
  refused('groupBy.by', 'without the scope', 'Letter.title', ['letter', 'groupBy'], { by: 'title' }),
  same('groupBy.having', 'of columns that are not encrypted', (db) =>
    db.person.groupBy({ by: ['rank'], having: { rank: { gt: 1 } }, _count: true, orderBy: { rank: 'asc' } }),
  ),
  letters('groupBy.having', 'of an encrypted field', { having: { title: m('hello') } }),
  letters('groupBy.having', 'below AND', { having: { AND: [{ title: { equals: m('hello') } }] } }),
  letters('groupBy.having', 'below OR and NOT', { having: { OR: [{ NOT: { title: m('hello') } }] } }),
  same('groupBy.having._count', 'of a column that is not encrypted', (db) =>
    db.person.groupBy({ by: ['rank'], having: { id: { _count: { gt: 1 } } }, orderBy: { rank: 'asc' } }),
  ),
  letters('groupBy.having._count', 'of an encrypted field', { having: { title: { _count: { gt: 1 } } } }),
  same('groupBy.having._min', 'of a column that is not encrypted', (db) =>
    db.letter.groupBy({ by: ['authorId'], having: { pages: { _min: { gt: 1 } } }, orderBy: { authorId: 'asc' } }),
  ),
  letters('groupBy.having._min', 'of an encrypted field', { having: { title: { _min: { gt: m('a') } } } }),
  same('groupBy.having._max', 'of a column that is not encrypted', (db) =>
    db.letter.groupBy({ by: ['authorId'], having: { pages: { _max: { lt: 3 } } }, orderBy: { authorId: 'asc' } }),
  ),
  letters('groupBy.having._max', 'of an encrypted field', { having: { NOT: { title: { _max: { equals: m('a') } } } } }),
  same('groupBy.having._avg', 'of a column that is not encrypted', (db) =>
    db.letter.groupBy({ by: ['authorId'], having: { pages: { _avg: { gt: 1.2 } } }, orderBy: { authorId: 'asc' } }),
  ),
  refused('groupBy.having._avg', 'of an encrypted field', 'Person.age', ['person', 'groupBy'], {
    by: ['rank'],
    having: { age: { _avg: { gt: 7734191 } } },
  }),
  same('groupBy.having._sum', 'of a column that is not encrypted', (db) =>
    db.letter.groupBy({ by: ['authorId'], having: { pages: { _sum: { gte: 3 } } }, orderBy: { authorId: 'asc' } }),
  ),
  refused('groupBy.having._sum', 'of an encrypted field', 'Person.age', ['person', 'groupBy'], {
    by: ['rank'],
    having: { age: { _sum: { gt: 7734191 } } },
  }),
  same('groupBy.orderBy', 'of columns that are not encrypted', (db) =>
    db.person.groupBy({ by: ['rank'], orderBy: { rank: 'desc' }, _max: { id: true } }),
  ),
  letters('groupBy.orderBy', 'of an encrypted field', { by: ['authorId', 'title'], orderBy: { title: 'asc' } }),
  letters('groupBy.orderBy', 'of an aggregate of an encrypted field', { orderBy: { _max: { title: 'asc' } } }),
  ...(['_min', '_max'] as const).flatMap((aggregate) => [
    same(`aggregate.${aggregate}`, 'of a column that is not encrypted', (db) =>
      db.letter.aggregate({ [aggregate]: { pages: true } }),
    ),
    refused(`aggregate.${aggregate}`, 'of a searchable field', 'Letter.title', ['letter', 'aggregate'], {
      [aggregate]: { title: true },
    }),
    letters(`aggregate.${aggregate}`, 'of groups', { [aggregate]: { title: true } }),
  ]),
  ...(['_avg', '_sum'] as const).flatMap((aggregate) => [
    same(`aggregate.${aggregate}`, 'of a column that is not encrypted', (db) =>
      db.letter.aggregate({ [aggregate]: { pages: true } }),
    ),
    refused(`aggregate.${aggregate}`, 'of an encrypted field', 'Person.age', ['person', 'aggregate'], {
      [aggregate]: { age: true },
    }),
    refused(`aggregate.${aggregate}`, 'of groups', 'Person.age', ['person', 'groupBy'], {
      by: ['rank'],
      [aggregate]: { age: true },
    }),
  ]),
  same('aggregate._count', 'of encrypted fields', (db) =>
    db.person.aggregate({ _count: { age: true, email: true, _all: true } }),
  ),
  same('aggregate._count', 'of encrypted fields, by count', (db) =>
    db.letter.count({ select: { body: true, title: true, _all: true } }),
  ),
  same('aggregate._count', 'of an encrypted field in groups', (db) =>
    db.person.groupBy({ by: ['rank'], _count: { age: true }, orderBy: { rank: 'asc' } }),
  ),
]
