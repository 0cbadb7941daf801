import fc from 'fast-check'
import type { Prisma } from '../../generated/7/client/client.ts'
import { type Effect, inserted, removed, removedAll, set, setAll, upserted } from './effects.ts'
import type { Mark } from './marks.ts'
import {
  CLUB,
  type Db,
  homeLetterOf,
  householdOf,
  lockerOf,
  newBadge,
  newcomerOf,
  newLetter,
  newLocker,
  newMembership,
  newPerson,
  PEOPLE,
  personOf,
  roamingLetterOf,
  sharedEmailOf,
} from './population.ts'
import { nameOf, type Row } from './rows.ts'

type Result = Prisma.PrismaPromise<unknown>

/** Something that a writer does, with values of its own. */
export interface Operation {
  readonly name: string
  /** What takes locks in the same order, whoever does it. */
  readonly person: number
  run(db: Db, mark: Mark): Result
  /** What the result must hold. */
  readonly shows?: (mark: Mark) => Row
  effects(mark: Mark, result: unknown): readonly Effect[]
  /** Whether the result is the row as it was deleted. */
  readonly deletes?: true
}

const person = fc.nat({ max: PEOPLE - 1 })
const named = ({ text }: Mark): Row => ({ name: text })

/** An update of a person, with nested writes. */
function household(
  name: string,
  writes: (i: number, mark: Mark) => Prisma.PersonUpdateInput,
  effects: (i: number, mark: Mark) => readonly Effect[],
): fc.Arbitrary<Operation> {
  return person.map((i) => ({
    name,
    person: i,
    run: (db, mark) => db.person.update({ where: { id: personOf(i) }, data: { name: mark.text, ...writes(i, mark) } }),
    shows: named,
    effects: (mark) => [set('Person', personOf(i), named(mark)), ...effects(i, mark)],
  }))
}

const membershipOf = (i: number) => ({ personId_region_number: { personId: personOf(i), ...CLUB } })

/** Each begins with the person and goes on to what is the person's own. */
export const orderly: readonly fc.Arbitrary<Operation>[] = [
  household(
    'update of one field',
    () => ({}),
    () => [],
  ),
  person.map((i) => ({
    name: 'update of a whole row',
    person: i,
    run: (db, { text, email, whole }) =>
      db.person.update({ where: { id: personOf(i) }, data: { name: text, email, age: whole, rank: { increment: 1 } } }),
    shows: ({ text, email, whole }) => ({ name: text, email, age: whole }),
    effects: ({ text, email, whole }) => [set('Person', personOf(i), { name: text, email, age: whole }, 'rank')],
  })),
  household(
    'nested update to one',
    (_, { text }) => ({ locker: { update: { code: text } } }),
    (i, { text }) => [set('Locker', lockerOf(i), { code: text })],
  ),
  household(
    'nested update to many',
    (i, { text }) => ({
      letters: { update: { where: { id: homeLetterOf(i) }, data: { title: text, pages: { increment: 1 } } } },
    }),
    (i, { text }) => [set('Letter', homeLetterOf(i), { title: text }, 'pages')],
  ),
  household(
    'nested upsert to one',
    (i, { text }) => ({ locker: { upsert: { create: { id: lockerOf(i), code: text }, update: { code: text } } } }),
    (i, { text }) => [upserted('Locker', lockerOf(i), newLocker(i, text), { code: text })],
  ),
  household(
    'nested upsert to many',
    (i, { text }) => ({
      memberships: {
        upsert: {
          where: membershipOf(i),
          create: { role: text, club: { connect: { region_number: CLUB } } },
          update: { role: text, paid: { increment: 1 } },
        },
      },
    }),
    (i, { text }) => [
      upserted('Membership', `${personOf(i)} ${CLUB.region} ${CLUB.number}`, newMembership(i, text), { role: text }, 'paid'),
    ],
  ),
  household(
    'nested create',
    (_, { whole, text, json }) => ({ letters: { create: { id: whole, title: text, body: json } } }),
    (i, mark) => [inserted('Letter', mark.whole, newLetter(mark.whole, mark, i))],
  ),
]

/** Of one row, and of no other. */
export const solitary: readonly fc.Arbitrary<Operation>[] = [
  person.map((i) => ({
    name: 'upsert by a token',
    person: i,
    run: (db, { text }) =>
      db.person.upsert({
        where: { email: sharedEmailOf(i) },
        create: { id: text, email: sharedEmailOf(i), name: text },
        update: { name: text, rank: { increment: 1 } },
      }),
    shows: named,
    effects: (mark, result) => {
      const { id } = result as { id: string }
      const created = newPerson(mark.text, sharedEmailOf(i), mark.text)
      return [id === mark.text ? inserted('Person', id, created) : set('Person', id, named(mark), 'rank')]
    },
  })),
  person.map((i) => ({
    name: 'upsert by a plain key',
    person: i,
    run: (db, { text, email }) =>
      db.person.upsert({
        where: { id: newcomerOf(i) },
        create: { id: newcomerOf(i), email, name: text },
        update: { name: text, rank: { increment: 1 } },
      }),
    shows: named,
    effects: (mark) => [upserted('Person', newcomerOf(i), newPerson(newcomerOf(i), mark.email, mark.text), named(mark), 'rank')],
  })),
  person.map((i) => ({
    name: 'update by a token',
    person: i,
    run: (db, { text }) => db.person.update({ where: { email: sharedEmailOf(i) }, data: { name: text } }),
    shows: named,
    effects: (mark, result) => [set('Person', (result as { id: string }).id, named(mark))],
  })),
  person.map((i) => ({
    name: 'updateMany by a token',
    person: i,
    run: (db, { whole }) => db.person.updateMany({ where: { email: sharedEmailOf(i) }, data: { age: whole } }),
    effects: ({ whole }, result) => [
      setAll('Person', ({ email }) => email === sharedEmailOf(i), { age: whole }, undefined, countOf(result)),
    ],
  })),
  person.map((i) => ({
    name: 'delete by a token',
    deletes: true,
    person: i,
    run: (db) => db.person.delete({ where: { email: sharedEmailOf(i) } }),
    effects: (_, result) => [removed('Person', (result as { id: string }).id)],
  })),
]

/** Of several rows, in an order that is nobody's promise. */
export const disorderly: readonly fc.Arbitrary<Operation>[] = [
  household(
    'nested updateMany',
    (_, { json }) => ({ letters: { updateMany: { where: { pages: { gte: 0 } }, data: { body: json } } } }),
    (i, { json }) => [
      set('Letter', homeLetterOf(i), { body: json }),
      setAll('Letter', ({ id, authorId }) => authorId === personOf(i) && id !== homeLetterOf(i), { body: json }),
    ],
  ),
  fc.tuple(person, person).map(([i, j]) => ({
    name: 'nested connect and update',
    person: i,
    run: (db, { text }) => {
      const id = roamingLetterOf(j)
      const letters = { connect: { id }, update: { where: { id }, data: { title: text } } }
      return db.person.update({ where: { id: personOf(i) }, data: { name: text, letters } })
    },
    shows: named,
    effects: (mark) => [
      set('Person', personOf(i), named(mark)),
      set('Letter', roamingLetterOf(j), { title: mark.text, authorId: personOf(i) }),
    ],
  })),
  fc.tuple(person, person).map(([i, j]) => ({
    name: 'nested set',
    person: i,
    run: (db, { text }) => {
      const letters = { set: [{ id: homeLetterOf(i) }, { id: roamingLetterOf(j) }] }
      return db.person.update({ where: { id: personOf(i) }, data: { name: text, letters } })
    },
    shows: named,
    effects: (mark) => {
      const kept: readonly unknown[] = [homeLetterOf(i), roamingLetterOf(j)]
      return [
        set('Person', personOf(i), named(mark)),
        setAll('Letter', ({ id }) => id === roamingLetterOf(j), { authorId: personOf(i) }),
        setAll('Letter', ({ id, authorId }) => authorId === personOf(i) && !kept.includes(id), { authorId: null }),
      ]
    },
  })),
  fc.tuple(person, person).map(([i, j]) => ({
    name: 'nested disconnect',
    person: i,
    run: (db, { text }) => {
      const letters = { disconnect: { id: roamingLetterOf(j) } }
      return db.person.update({ where: { id: personOf(i) }, data: { name: text, letters } })
    },
    shows: named,
    effects: (mark) => [
      set('Person', personOf(i), named(mark)),
      setAll('Letter', ({ id, authorId }) => id === roamingLetterOf(j) && authorId === personOf(i), { authorId: null }),
    ],
  })),
  fc.tuple(person, person).map(([i, j]) => ({
    name: 'upsert of a bound row',
    person: i,
    run: (db, { text, json }) => {
      const written = { title: text, body: json, authorId: personOf(i) }
      return db.letter.upsert({
        where: { id: roamingLetterOf(j) },
        create: { id: roamingLetterOf(j), ...written },
        update: written,
      })
    },
    shows: ({ text }) => ({ title: text }),
    effects: (mark) => {
      const { pages: _, ...written } = newLetter(roamingLetterOf(j), mark, i)
      return [upserted('Letter', roamingLetterOf(j), { ...written, pages: 1 }, written)]
    },
  })),
  fc.uniqueArray(person, { minLength: 2 }).map((several) => ({
    name: 'updateMany',
    person: Math.min(...several),
    run: (db, { text }) => {
      const where = { id: { in: several.map(personOf) } }
      return db.person.updateMany({ where, data: { name: text, rank: { increment: 1 } } })
    },
    effects: (mark, result) => {
      const ids: readonly unknown[] = several.map(personOf)
      return [setAll('Person', ({ id }) => ids.includes(id), named(mark), 'rank', countOf(result))]
    },
  })),
  person.map((i) => ({
    name: 'updateManyAndReturn',
    person: i,
    run: (db, { json }) => db.letter.updateManyAndReturn({ where: { authorId: personOf(i) }, data: { body: json } }),
    effects: ({ json }, result) => (result as Row[]).map(({ id }) => set('Letter', id, { body: json })),
  })),
  household(
    'nested delete',
    () => ({ locker: { delete: true } }),
    (i) => [removed('Locker', lockerOf(i))],
  ),
  person.map((i) => ({
    name: 'delete that cascades',
    deletes: true,
    person: i,
    run: (db) => db.person.delete({ where: { id: personOf(i) } }),
    effects: () => [
      removed('Person', personOf(i)),
      removedAll('Badge', ({ ownerId }) => ownerId === personOf(i)),
      removedAll('Letter', ({ authorId }) => authorId === personOf(i)),
      removedAll('Membership', ({ personId }) => personId === personOf(i)),
      setAll('Locker', ({ ownerId }) => ownerId === personOf(i), { ownerId: null }),
    ],
  })),
  // Several times, as it undoes the one before, which leaves nothing to do for most others.
  ...[1, 2, 3, 4].map(() => person.map(upsertOfHousehold)),
]

/** Creates a person with all that belongs to one, unless the person is there. */
function upsertOfHousehold(i: number): Operation {
  return {
    name: 'upsert with nested creates',
    person: i,
    run: (db, mark) =>
      db.person.upsert({
        where: { id: personOf(i) },
        create: householdOf(i, mark),
        update: { name: mark.text },
      }),
    shows: named,
    effects: (mark, result) => {
      const { text, email } = mark
      if ((result as Row)['email'] !== email) return [set('Person', personOf(i), named(mark))]
      return [
        inserted('Person', personOf(i), newPerson(personOf(i), email, text)),
        {
          on: nameOf('Locker', lockerOf(i)),
          change: (before) => (before === undefined ? newLocker(i, text) : { ...before, ownerId: personOf(i) }),
        },
        inserted('Badge', personOf(i), newBadge(i, text)),
        inserted('Letter', homeLetterOf(i), newLetter(homeLetterOf(i), mark, i)),
      ]
    },
  }
}

function countOf(result: unknown): number {
  return (result as { count: number }).count
}
