import type { Operation } from './operations.ts'
import { type Args, MARKER } from './values.ts'

const create = (model: Operation['model'], rows: readonly Args[]): readonly Operation[] =>
  rows.map((data) => ({ model, operation: 'create', args: { data } }))

const person = (n: number, more: Args = {}): Args => ({
  id: `p${n}`,
  email: `${MARKER}-mail-${n}`,
  name: `${MARKER}-name-${n}`,
  rank: n,
  ...more,
})

/** Rows of every model, with every relation between them, so that a history does not end at «not found». */
export const START: readonly Operation[] = [
  ...create('person', [
    person(0, { age: 7734191 }),
    person(1, { boss: { connect: { id: 'p0' } }, friends: { connect: { id: 'p0' } } }),
    person(2, { age: 7734192, bossId: 'p0' }),
  ]),
  ...create('locker', [
    { id: 'l0', code: `${MARKER}-code-0`, ownerId: 'p0' },
    { id: 'l1', code: `${MARKER}-code-1`, place: 'attic' },
  ]),
  ...create('badge', [
    { ownerId: 'p0', motto: `${MARKER}-motto-0` },
    { ownerId: 'p1', motto: `${MARKER}-motto-1`, colour: 'blue' },
  ]),
  ...create('letter', [
    { id: 1, title: `${MARKER}-title-0`, body: { text: `${MARKER}-body` }, authorId: 'p0' },
    { id: 2, title: `${MARKER}-title-0`, authorId: 'p1', pages: 3 },
    { id: 3, title: `${MARKER}-title-1` },
  ]),
  ...create('club', [
    { region: 'north', number: 1, title: `${MARKER}-title-0` },
    { region: 'south', number: 1, title: `${MARKER}-title-0`, open: false },
  ]),
  ...create('membership', [
    { personId: 'p0', region: 'north', number: 1, role: `${MARKER}-role-0` },
    { personId: 'p1', region: 'north', number: 1, paid: 2 },
    { personId: 'p1', region: 'south', number: 1, role: `${MARKER}-role-1` },
  ]),
]
