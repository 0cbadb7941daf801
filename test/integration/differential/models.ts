import fc from 'fast-check'
import { TYPED } from './typed-columns.ts'
import {
  type Args,
  age,
  body,
  clubNumber,
  code,
  email,
  letterId,
  lockerId,
  MARKER,
  missingId,
  motto,
  name,
  personId,
  region,
  role,
  shaped,
  small,
  some,
  title,
  written,
} from './values.ts'

export type ModelName = 'person' | 'locker' | 'badge' | 'letter' | 'club' | 'membership' | 'allTypes' | 'nativeTypes'

export interface RelationShape {
  readonly to: ModelName
  readonly opposite: string
  readonly list: boolean
  /** Whether this side holds the foreign key. */
  readonly owning: boolean
  /** Whether the row that holds the foreign key can't be without it. */
  readonly required: boolean
  /** Many to many: neither side holds it. */
  readonly many?: true
}

/** What arguments of a model's operations are made of. */
export interface ModelShape {
  /** `WhereUniqueInput`s, of rows that are there or not. */
  readonly unique: fc.Arbitrary<Args>
  /** Columns of a new row without its foreign keys. */
  readonly columns: fc.Arbitrary<Args>
  /** The same in the form that takes no foreign keys, where it is another. */
  readonly checkedColumns?: fc.Arbitrary<Args>
  readonly foreignKeys: fc.Arbitrary<Args>
  readonly changes: fc.Arbitrary<Args>
  readonly filter: fc.Arbitrary<Args>
  /** A total order, by columns that are not encrypted. */
  readonly order: readonly Args[]
  /** Columns whose values can be grouped by. */
  readonly groups: readonly string[]
  readonly fields: readonly string[]
  readonly relations: Readonly<Record<string, RelationShape>>
  /** Conditions and orders that ciphertext can't answer. */
  readonly unanswerable: fc.Arbitrary<Args>
}

const search = (value: fc.Arbitrary<unknown>) =>
  fc.oneof(
    { weight: 3, arbitrary: value },
    { weight: 1, arbitrary: value.map((equals) => ({ equals })) },
    { weight: 1, arbitrary: value.map((not) => ({ not })) },
    { weight: 1, arbitrary: fc.array(value, { maxLength: 3 }).map((list) => ({ in: list })) },
    { weight: 1, arbitrary: fc.array(value, { maxLength: 3 }).map((list) => ({ notIn: list })) },
    { weight: 1, arbitrary: value.map((not) => ({ not: { equals: not } })) },
  )
const nullness = fc.constantFrom<unknown>(null, { not: null }, { equals: null })
const number = fc.oneof(
  small,
  small.map((gt) => ({ gt })),
  small.map((lte) => ({ lte })),
)

const club = shaped({ region, number: clubNumber })
const refused = (field: string, text: fc.Arbitrary<unknown>) =>
  fc.oneof(
    text.map((contains): Args => ({ where: { [field]: { contains } } })),
    text.map((gt): Args => ({ where: { NOT: { [field]: { gt } } } })),
    fc.constant<Args>({ orderBy: { [field]: 'asc' } }),
    text.map((lt): Args => ({ where: { OR: [{ [field]: { lt } }] } })),
  )

export const MODELS: Readonly<Record<ModelName, ModelShape>> = {
  person: {
    unique: fc.oneof(
      { weight: 4, arbitrary: missingId.map((id): Args => ({ id })) },
      { weight: 3, arbitrary: email.map((value): Args => ({ email: value })) },
      { weight: 1, arbitrary: shaped({ id: missingId, rank: number }) },
      { weight: 1, arbitrary: shaped({ email, id: missingId }) },
    ),
    columns: shaped({ id: personId, email, name }, { age, rank: small }),
    foreignKeys: some({ bossId: missingId }),
    changes: some({
      email: written(email),
      name: written(name),
      age: written(age),
      rank: fc.oneof(
        written(small),
        small.map((increment) => ({ increment })),
      ),
    }),
    filter: some({ email: search(email), rank: number, age: nullness, id: missingId }),
    order: [{ rank: 'desc' }, { id: 'asc' }],
    groups: ['rank', 'email', 'bossId'],
    fields: ['id', 'email', 'name', 'age', 'rank', 'bossId'],
    relations: {
      boss: { to: 'person', opposite: 'staff', list: false, owning: true, required: false },
      staff: { to: 'person', opposite: 'boss', list: true, owning: false, required: false },
      friends: { to: 'person', opposite: 'friendOf', list: true, owning: false, required: false, many: true },
      locker: { to: 'locker', opposite: 'owner', list: false, owning: false, required: false },
      badge: { to: 'badge', opposite: 'owner', list: false, owning: false, required: true },
      letters: { to: 'letter', opposite: 'author', list: true, owning: false, required: false },
      memberships: { to: 'membership', opposite: 'person', list: true, owning: false, required: true },
    },
    unanswerable: fc.oneof(refused('name', name), refused('email', email), fc.constant<Args>({ where: { name: MARKER } })),
  },
  locker: {
    unique: fc.oneof(
      lockerId.map((id): Args => ({ id })),
      missingId.map((ownerId): Args => ({ ownerId })),
    ),
    columns: shaped({ id: lockerId, code }, { place: fc.constantFrom('hall', 'attic') }),
    foreignKeys: some({ ownerId: missingId }),
    changes: some({ code: written(code), place: written(fc.constantFrom('hall', 'attic')) }),
    filter: some({ place: fc.constantFrom('hall', 'attic'), id: lockerId }),
    order: [{ id: 'desc' }],
    groups: ['place'],
    fields: ['id', 'code', 'place', 'ownerId'],
    relations: { owner: { to: 'person', opposite: 'locker', list: false, owning: true, required: false } },
    unanswerable: refused('code', code),
  },
  badge: {
    unique: fc.oneof(
      missingId.map((ownerId): Args => ({ ownerId })),
      motto.map((value): Args => ({ motto: value })),
    ),
    columns: shaped({ motto }, { colour: fc.constantFrom('red', 'blue') }),
    foreignKeys: shaped({ ownerId: missingId }),
    changes: some({ motto: written(motto), colour: written(fc.constantFrom('red', 'blue')) }),
    filter: some({ colour: fc.constantFrom('red', 'blue'), motto: search(motto) }),
    order: [{ ownerId: 'asc' }],
    groups: ['colour', 'motto'],
    fields: ['ownerId', 'motto', 'colour'],
    relations: { owner: { to: 'person', opposite: 'badge', list: false, owning: true, required: true } },
    unanswerable: refused('motto', motto),
  },
  letter: {
    unique: letterId.map((id): Args => ({ id })),
    columns: shaped({ id: letterId, title }, { body, pages: small }),
    checkedColumns: shaped({ title }, { body, pages: small }),
    foreignKeys: some({ authorId: missingId }),
    changes: some({ title: written(title), body, pages: fc.oneof(small, fc.constant({ multiply: 2 })) }),
    filter: some({ pages: number, authorId: missingId }),
    order: [{ pages: 'asc' }, { id: 'asc' }],
    groups: ['pages', 'authorId'],
    fields: ['id', 'title', 'body', 'pages', 'authorId'],
    relations: { author: { to: 'person', opposite: 'letters', list: false, owning: true, required: false } },
    unanswerable: fc.oneof(
      refused('title', title),
      fc.constant<Args>({ where: { body: { path: ['text'], equals: MARKER } } }),
      // Its tokens are scoped.
      title.map((value): Args => ({ where: { title: value } })),
    ),
  },
  club: {
    unique: fc.oneof(
      club.map((region_number): Args => ({ region_number })),
      shaped({ region, title }).map((region_title): Args => ({ region_title })),
    ),
    columns: shaped({ region, number: clubNumber, title }, { open: fc.boolean() }),
    foreignKeys: fc.constant({}),
    changes: some({ title: written(title), open: fc.boolean(), number: fc.oneof(clubNumber, fc.constant({ increment: 1 })) }),
    filter: some({ region, title: search(title), open: fc.boolean() }),
    order: [{ region: 'asc' }, { number: 'desc' }],
    groups: ['region', 'title', 'open'],
    fields: ['region', 'number', 'title', 'open'],
    relations: {
      memberships: { to: 'membership', opposite: 'club', list: true, owning: false, required: true },
    },
    unanswerable: refused('title', title),
  },
  membership: {
    unique: shaped({ personId: missingId, region, number: clubNumber }).map(
      (personId_region_number): Args => ({
        personId_region_number,
      }),
    ),
    columns: some({ role, paid: small }),
    foreignKeys: shaped({ personId: missingId, region, number: clubNumber }),
    changes: some({ role: written(role), paid: fc.oneof(small, fc.constant({ increment: 2 })) }),
    filter: some({ paid: number, role: nullness, region }),
    order: [{ personId: 'asc' }, { region: 'asc' }, { number: 'asc' }],
    groups: ['paid', 'region'],
    fields: ['personId', 'region', 'number', 'role', 'paid'],
    relations: {
      person: { to: 'person', opposite: 'memberships', list: false, owning: true, required: true },
      club: { to: 'club', opposite: 'memberships', list: false, owning: true, required: true },
    },
    unanswerable: refused('role', name),
  },
  ...TYPED,
}

export const MODEL_NAMES = Object.keys(MODELS) as ModelName[]
