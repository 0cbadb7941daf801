import { describe, expect, it } from 'vitest'
import { outcomeOf, patient } from '../../test/schema.ts'

/** The plan of field `a` of a model in which nothing is refused. */
function columnOf(definition: string, more = '') {
  const { models, problems } = outcomeOf(patient(definition) + more)
  expect(problems).toEqual([])
  return models['Patient']?.columns['a']
}

const KIND = '\nenum Kind {\n  Big @map("BIG")\n  Small\n}'

describe('columns', () => {
  it.each([
    ['a String', { column: 'a', type: 'String', required: true }],
    ['a String? @map("b")', { column: 'b', type: 'String' }],
    ['a String[]', { column: 'a', type: 'String', list: true }],
    ['a String @db.VarChar(60)', { column: 'a', type: 'String', required: true, native: { name: 'VarChar', args: [60] } }],
    [
      'a Decimal @db.Decimal(10, 2)',
      { column: 'a', type: 'Decimal', required: true, native: { name: 'Decimal', args: [10, 2] } },
    ],
    ['a Json? @db.JsonB', { column: 'a', type: 'Json', native: { name: 'JsonB', args: [] } }],
    ['a Kind', { column: 'a', type: 'Enum', required: true, values: { Big: 'BIG', Small: 'Small' } }],
  ])('describes %s', (definition, plan) => {
    expect(columnOf(definition, KIND)).toEqual(plan)
  })

  it.each([
    ['a String @default("x\\ny")', { kind: 'literal', value: 'x\ny' }],
    ['a Int @default(-5)', { kind: 'literal', value: -5 }],
    ['a BigInt @default(9223372036854775807)', { kind: 'literal', value: '9223372036854775807' }],
    ['a Float @default(0.1)', { kind: 'literal', value: 0.1 }],
    ['a Decimal @default(1.23456789012345678901234567890)', { kind: 'literal', value: '1.2345678901234567890123456789' }],
    ['a Decimal @default(-0.50)', { kind: 'literal', value: '-0.5' }],
    ['a Decimal[] @default([1.10, -20])', { kind: 'literal', value: ['1.1', '-20'] }],
    ['a Boolean @default(true)', { kind: 'literal', value: true }],
    ['a DateTime @default("2020-01-01T01:00:00+02:00")', { kind: 'literal', value: '2019-12-31T23:00:00.000Z' }],
    ['a Json @default("{\\"b\\": [1, null]}")', { kind: 'literal', value: [{ b: [1, null] }] }],
    ['a Json @default("null")', { kind: 'literal', value: [null] }],
    ['a Json[] @default(["1", "[]"])', { kind: 'literal', value: [1, []] }],
    ['a Bytes @default("AQID")', { kind: 'literal', value: 'AQID' }],
    ['a Kind @default(Big)', { kind: 'literal', value: 'BIG' }],
    ['a Kind[] @default([Small, Big])', { kind: 'literal', value: ['Small', 'BIG'] }],
    ['a String[] @default([])', { kind: 'literal', value: [] }],
  ])('keeps the default of %s, encrypted or not', (definition, plan) => {
    expect(columnOf(definition, KIND)?.default).toEqual(plan)
    expect(columnOf(`/// @encrypted\n  ${definition}`, KIND)?.default).toEqual(plan)
  })

  it.each([
    ['a String @default(uuid())', { kind: 'client', generator: 'uuid4' }],
    ['a String @default(uuid(7))', { kind: 'client', generator: 'uuid7' }],
    ['a String @default(cuid())', { kind: 'client', generator: 'cuid1' }],
    ['a String @default(cuid(2))', { kind: 'client', generator: 'cuid2' }],
    ['a String @default(ulid())', { kind: 'client', generator: 'ulid' }],
    ['a String @default(nanoid())', { kind: 'client', generator: 'nanoid' }],
    ['a String @default(nanoid(8))', { kind: 'client', generator: 'nanoid', length: 8 }],
    ['a DateTime @default(now())', { kind: 'client', generator: 'now' }],
    ['a Int @default(autoincrement())', { kind: 'database' }],
    ['a String @default(dbgenerated("f()"))', { kind: 'database' }],
  ])('knows who makes the default of %s', (definition, plan) => {
    expect(columnOf(definition)?.default).toEqual(plan)
  })
})

describe('placeholders', () => {
  it.each([
    ['a String', '*'],
    ['a String?', '*'],
    ['a String @db.Char(1)', '*'],
    ['a String @db.Uuid', '00000000-0000-0000-0000-000000000000'],
    ['a Int', 0],
    ['a BigInt', '0'],
    ['a Float', 0],
    ['a Decimal', '0'],
    ['a Boolean', false],
    ['a DateTime @db.Date', '1970-01-01T00:00:00.000Z'],
    ['a Json', [{}]],
    ['a Bytes', ''],
    ['a Kind', 'BIG'],
    ['a Kind[]', []],
    ['a Json[]', []],
  ])('are by default those of the type: %s', (definition, placeholder) => {
    expect(columnOf(`/// @encrypted\n  ${definition}`, KIND)?.encrypted).toEqual({ identity: 'a', placeholder })
  })

  it.each([
    ['"-"', 'a String', '-'],
    ['"äöü"', 'a String @db.VarChar(3)', 'äöü'],
    ['"FFFFFFFF-ffff-ffff-ffff-ffffffffffff"', 'a String @db.Uuid', 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
    ['-1', 'a Int', -1],
    ['-32768', 'a Int @db.SmallInt', -32768],
    ['-9223372036854775808', 'a BigInt', '-9223372036854775808'],
    ['0.5', 'a Float @db.Real', 0.5],
    ['-0.10', 'a Decimal @db.Decimal(2, 2)', '-0.1'],
    ['true', 'a Boolean', true],
    ['"1900-01-01T00:00:00Z"', 'a DateTime', '1900-01-01T00:00:00.000Z'],
    ['{ hidden: true, "a b": [1, "x"] }', 'a Json', [{ hidden: true, 'a b': [1, 'x'] }]],
    ['"AA=="', 'a Bytes', 'AA=='],
    ['Small', 'a Kind', 'Small'],
    ['"Big"', 'a Kind', 'BIG'],
    ['[]', 'a Int[]', []],
  ])('can be set: %s for %s', (literal, definition, placeholder) => {
    expect(columnOf(`/// @encrypted(placeholder: ${literal})\n  ${definition}`, KIND)?.encrypted?.placeholder).toEqual(
      placeholder,
    )
  })
})

describe('models', () => {
  it('have the names of the database and identities that outlive renames', () => {
    const { models, problems } = outcomeOf(`
model Patient {
  id String @id @default(uuid()) @map("patient_id")
  tenant Int @map("a_tenant")
  /// @encrypted(searchable, scope: [tenant], normalize: [trim], as: "e_mail")
  email String @map("email_address")
  /// @encrypted(searchable, index: name)
  name String
  /// @envelope(bind: [tenant], as: "people")
  sealed Json? @map("env")
  @@map("patients")
}
`)
    expect(problems).toEqual([])
    expect(models['Patient']).toMatchObject({
      table: { name: 'patients', identity: 'people' },
      columns: {
        email: {
          column: 'email_address',
          encrypted: { identity: 'e_mail', search: { index: 'people.e_mail', normalize: ['trim'], scope: ['tenant'] } },
        },
        name: { encrypted: { identity: 'name', search: { index: 'name', normalize: [], scope: [] } } },
      },
      // By column: a_tenant before patient_id.
      envelope: { field: 'sealed', column: 'env', bind: ['tenant', 'id'] },
    })
  })

  it('have unique criteria under the names of Prisma’s WhereUniqueInput', () => {
    const { models } = outcomeOf(`
model A {
  a Int
  b Int
  c Int @unique
  d Int
  @@id([a, b], name: "key")
  @@unique([b, c])
  @@unique([d], name: "ignored")
  @@unique([a, d], name: "named", map: "x")
}
`)
    expect(models['A']).toMatchObject({
      primaryKey: ['a', 'b'],
      uniques: [
        { name: 'key', fields: ['a', 'b'] },
        { name: 'c', fields: ['c'] },
        { name: 'd', fields: ['d'] },
        { name: 'b_c', fields: ['b', 'c'] },
        { name: 'named', fields: ['a', 'd'] },
      ],
    })
  })

  it('have relations with both sides and the actions that Prisma implies', () => {
    const { models } = outcomeOf(`
model A {
  x Int
  y Int
  ones One[]
  twos Two[]
  mixed Mixed[]
  bx Int?
  by Int?
  boss A? @relation("boss", fields: [bx, by], references: [x, y])
  staff A[] @relation("boss")
  @@id([x, y])
}
model One {
  id Int @id
  x Int
  y Int
  a A @relation(fields: [x, y], references: [x, y])
}
model Two {
  id Int @id
  x Int?
  y Int?
  a A? @relation(fields: [x, y], references: [x, y], onUpdate: NoAction)
}
model Mixed {
  id Int @id
  x Int
  y Int?
  a A? @relation(fields: [x, y], references: [x, y])
}
`)
    expect(models['A']?.relations).toEqual({
      ones: { model: 'One', opposite: 'a', list: true, from: [], to: [] },
      twos: { model: 'Two', opposite: 'a', list: true, from: [], to: [] },
      mixed: { model: 'Mixed', opposite: 'a', list: true, from: [], to: [] },
      boss: { model: 'A', opposite: 'staff', from: ['bx', 'by'], to: ['x', 'y'], onDelete: 'SetNull', onUpdate: 'Cascade' },
      staff: { model: 'A', opposite: 'boss', list: true, from: [], to: [] },
    })
    const key = { model: 'A', from: ['x', 'y'], to: ['x', 'y'] }
    expect(models['One']?.relations['a']).toEqual({ ...key, opposite: 'ones', onDelete: 'Restrict', onUpdate: 'Cascade' })
    expect(models['Two']?.relations['a']).toEqual({ ...key, opposite: 'twos', onDelete: 'SetNull', onUpdate: 'NoAction' })
    expect(models['Mixed']?.relations['a']).toEqual({ ...key, opposite: 'mixed', onDelete: 'Restrict', onUpdate: 'Cascade' })
  })
})

describe('the primary key in the binding', () => {
  const model = (key: string, envelope = '@envelope') =>
    outcomeOf(`model A {\n  ${key}\n  other Int\n  /// @encrypted\n  a String\n  /// ${envelope}\n  e Json?\n}`)

  it.each([
    ['id String @id', ['id']],
    ['id Int @id @default(4)', ['id']],
    ['id String @id @default(uuid(7)) @db.Uuid', ['id']],
    ['id String @id @default(nanoid(5))', ['id']],
    ['id DateTime @id @default(now())', ['id']],
    ['y Int\n  x String @default(cuid())\n  @@id([y, x])', ['x', 'y']],
  ])('is there where it is known before the insert: %s', (key, bind) => {
    const { models, problems, notices } = model(key)
    expect([problems, notices]).toEqual([[], []])
    expect(models['A']?.envelope?.bind).toEqual(bind)
  })

  it.each([
    ['id Int @id @default(autoincrement())', "the primary key's id is made by the database and unknown before the insert"],
    ['id String @id @default(dbgenerated("f()"))', "the primary key's id is made by the database"],
    ['x Int\n  y Int @default(autoincrement())\n  @@id([x, y])', "the primary key's y is made by the database"],
    ['id Decimal @id', "the primary key's id has a type whose returned form is unknown (Decimal)"],
    ['id String @id @db.Citext', 'returned form is unknown (String @db.Citext)'],
    ['id Int @unique', 'the model has no primary key'],
  ])('is not where it is unknown, and the generator says so: %s', (key, notice) => {
    const { models, problems, notices } = model(key)
    expect(problems).toEqual([])
    expect(models['A']?.envelope?.bind).toEqual([])
    expect(notices).toEqual([expect.stringContaining(notice)])
    expect(model(key, '@envelope(bind: [other])').models['A']?.envelope?.bind).toEqual(['other'])
  })
})

it('knows views as models without encryption', () => {
  const { models, problems } = outcomeOf(`${patient('')}\nview V {\n  id Int @unique\n}`)
  expect(problems).toEqual([])
  expect(Object.keys(models)).toEqual(['Patient', 'V'])
  expect(models['V']?.envelope).toBeUndefined()
})

it('reads annotations behind fields and over several lines, in block comments too', () => {
  const { models, problems } = outcomeOf(
    patient(
      'a String /// text @encrypted(searchable) text\n  /// @encrypted(\n  ///   searchable,\n  ///   normalize: [nfc],\n  /// )\n  // text\n\n  b String\n  /* @encrypted */\n  c Int',
    ),
  )
  expect(problems).toEqual([])
  expect(models['Patient']?.columns).toMatchObject({
    a: { encrypted: { search: { normalize: [] } } },
    b: { encrypted: { search: { normalize: ['nfc'] } } },
    c: { encrypted: { placeholder: 0 } },
  })
})
