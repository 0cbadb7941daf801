import { describe, expect, it } from 'vitest'
import { outcomeOf, patient } from '../../test/schema.ts'

const TWO_SCHEMAS = 'datasource db {\n  provider = "postgresql"\n  schemas = ["a", "b"]\n}\n'

/** A line of a model that is sound otherwise, and what is said of it. */
type Case = readonly [lines: string, message: string]

describe('what an encrypted field can be', () => {
  it.each<Case>([
    [
      '/// @encrypted(placehodler: "x")\n  a String',
      'Patient.a: unknown option "placehodler" of @encrypted; did you mean "placeholder"?',
    ],
    [
      '/// @encrypted\n  self Patient? @relation("s", fields: [selfId], references: [id])\n  selfId String?\n  others Patient[] @relation("s")',
      'Patient.self: a relation has no column',
    ],
    [
      'others Patient[] @relation("s")\n  /// @encrypted\n  selfId String?\n  self Patient? @relation("s", fields: [selfId], references: [id])',
      'Patient.selfId: the foreign key of self',
    ],
    [
      '/// @encrypted(searchable)\n  code String @unique\n  other String\n  self Patient? @relation("s", fields: [other], references: [code])\n  others Patient[] @relation("s")',
      'Patient.code: a relation references this field',
    ],
    ['/// @encrypted\n  a DateTime @updatedAt', 'Patient.a: Prisma writes @updatedAt itself'],
    ['/// @encrypted\n  a DateTime @default(now())', 'Patient.a: a default that calls a function'],
    ['/// @encrypted\n  a String @default(uuid())', 'Patient.a: a default that calls a function'],
    ['/// @encrypted\n  a String @default(dbgenerated("x()"))', 'Patient.a: a default that calls a function'],
    [
      '/// @encrypted\n  a String @unique',
      'Patient.a: all rows hold the same placeholder, which would collide in @unique; add searchable',
    ],
    [
      '/// @encrypted\n  a Int\n  b Int\n  @@unique([a, b])',
      'Patient.a: all rows hold the same placeholder, which would collide in @@unique; remove it from there',
    ],
    ['/// @encrypted\n  a String @ignore', 'Patient.a: Prisma Client does not know ignored fields'],
    ['/// @encrypted\n  a Unsupported("point")?', 'Patient.a: Prisma Client does not know fields of Unsupported types'],
    ['/// @encrypted\n  @@index([fullName])', 'Patient: an annotation stands above no field'],
    ['/// @encrypted\n  /// @encrypted\n  a String', 'Patient.a: @encrypted appears twice'],
    [
      '/// @encrypted\n  a DateTime @default("2020-01-01T00:00:00.000001Z")',
      "Patient.a: the literal default can't be kept exactly",
    ],
  ])('refuses %s', (lines, message) => {
    expect(outcomeOf(patient(lines)).problems).toEqual([expect.stringContaining(message)])
  })

  it('refuses ids, also compound ones', () => {
    const { problems } = outcomeOf(`
model A {
  /// @encrypted
  id String @id
  /// @envelope
  envelope Json?
}
model B {
  /// @encrypted(searchable)
  a String
  b Int
  /// @envelope
  envelope Json?
  @@id([a, b])
}
`)
    expect(problems).toEqual([
      expect.stringContaining('A.id: an id identifies the row'),
      expect.stringContaining('B.a: an id identifies the row'),
    ])
  })

  it('refuses fields of views, which only the text tells from models', () => {
    const view = 'view V {\n  id Int @unique\n  /// @encrypted\n  a String\n  /// @envelope\n  envelope Json?\n}'
    expect(outcomeOf(view).problems).toEqual([
      expect.stringContaining('V.envelope: a view is not written by Prisma'),
      expect.stringContaining('V.a: a field of a view is not written by Prisma'),
    ])
  })

  it.each([
    'String @db.Bit(3)',
    'String @db.VarBit',
    'String @db.Xml',
    'String @db.Inet',
    'Decimal @db.Money',
    'Int @db.Oid',
    'DateTime @db.Timetz',
  ])('refuses %s, which can hold neither placeholder nor token', (type) => {
    expect(outcomeOf(patient(`/// @encrypted\n  a ${type}`)).problems).toEqual([
      expect.stringMatching(/^Patient\.a: @db\.\w+.* can hold neither a placeholder nor a token; change the column to /),
    ])
  })

  it.each(['/// @encrypted\n\n  // text', '/// @encrypted\n\n  /// text'])(
    'refuses an annotation that Prisma loses: %s',
    (comments) => {
      expect(outcomeOf(patient(`${comments}\n  a String`)).problems).toEqual([
        expect.stringContaining('Patient.a: Prisma loses this annotation over a blank line'),
      ])
    },
  )

  it('warns of an index over placeholders', () => {
    const { problems, notices } = outcomeOf(patient('/// @encrypted\n  a String\n  @@index([a])'))
    expect(problems).toEqual([])
    expect(notices).toEqual([expect.stringContaining('Patient.a: all rows hold the same placeholder, so @@index is of no use')])
  })

  it('warns of an annotation behind two slashes only', () => {
    const { problems, notices } = outcomeOf(patient('// @encrypted\n  a String'))
    expect(problems).toEqual([])
    expect(notices).toEqual([expect.stringContaining('Patient.a: a comment of two slashes')])
  })

  it('refuses annotations above models, enums and their values', () => {
    const { problems } = outcomeOf('/// @encrypted\nmodel A {\n  id Int @id\n}\nenum K {\n  /// @encrypted\n  X\n}\n')
    expect(problems).toEqual([
      expect.stringContaining('A: an annotation belongs to a field'),
      expect.stringContaining('K.X: an annotation belongs to a field of a model'),
    ])
  })
})

describe('what is searchable', () => {
  it.each<Case>([
    ['/// @encrypted(searchable)\n  a Int', 'only String fields are searchable, this one is Int'],
    ['/// @encrypted(searchable)\n  a String[]', 'lists are not searchable'],
    ['/// @encrypted(searchable)\n  a String @db.Uuid', 'a uuid column has no room for a token'],
    ['/// @encrypted(searchable)\n  a String @db.Citext', 'add normalize: [lowercase]'],
    ['/// @encrypted(searchable)\n  a String @db.VarChar(48)', 'a token has 49 characters, @db.VarChar(48) holds 48'],
    ['/// @encrypted(searchable)\n  a String @db.Char(48)', 'a token has 49 characters, @db.Char(48) holds 48'],
    ['/// @encrypted(searchable)\n  a String @db.Char', 'a token has 49 characters, @db.Char holds 1'],
    [
      '/// @encrypted(searchable, scope: [ward])\n  a String\n  ward String',
      'scope: ward is not among the bound fields; add it there: @envelope(bind: [ward])',
    ],
    [
      '/// @encrypted(searchable, scope: [wrd])\n  a String\n  ward String',
      'scope: wrd is not among the bound fields; did you mean ward?',
    ],
    [
      '/// @encrypted(searchable, scope: [constructor])\n  a String',
      'scope: constructor is not among the bound fields; name fields',
    ],
    [
      'a String /// @encrypted(searchable, index: x)\n  b String /// @encrypted(searchable, index: x, normalize: [trim])',
      'it shares the index "x" with Patient.a, but normalizes otherwise',
    ],
    [
      'a String /// @encrypted(searchable, index: "Patient.b")\n  b String /// @encrypted(searchable)',
      'its index "Patient.b" is that of Patient.a too',
    ],
  ])('refuses %s', (lines, message) => {
    expect(outcomeOf(patient(lines)).problems).toEqual([expect.stringContaining(message)])
  })

  it.each(['String', 'String @unique', 'String @db.Text', 'String @db.VarChar', 'String @db.VarChar(49)', 'String @db.Char(49)'])(
    'takes %s',
    (type) => {
      expect(outcomeOf(patient(`/// @encrypted(searchable)\n  a ${type}`)).problems).toEqual([])
    },
  )

  it('takes Citext where tokens are made of lower-case text', () => {
    expect(outcomeOf(patient('/// @encrypted(searchable, normalize: [lowercase])\n  a String @db.Citext')).problems).toEqual([])
  })
})

describe('the envelope', () => {
  const model = (lines: string) => `model A {\n  id String @id\n  ${lines}\n}`
  it.each<Case>([
    [
      '/// @encrypted\n  a String',
      'A: a model with encrypted fields needs a column for them; add:\n  /// @envelope\n  envelope Json?',
    ],
    [
      'a String /// @encrypted\n  e Json? /// @envelope\n  f Json? /// @envelope',
      'A.f: a model has one envelope, and e is it already',
    ],
    ['a String /// @encrypted\n  e Json /// @envelope', 'A.e: the envelope must be e Json?'],
    ['a String /// @encrypted\n  e String? /// @envelope', 'A.e: the envelope must be e Json?'],
    ['a String /// @encrypted\n  e Json[] /// @envelope', 'A.e: the envelope must be e Json?'],
    ['a String /// @encrypted\n  e Json? @db.Json /// @envelope', "A.e: @db.Json can't be compared"],
    [
      'a String /// @encrypted\n  e Json? @default("{}") /// @envelope',
      'A.e: the extension writes every envelope; remove @default',
    ],
    ['a String\n  e Json? /// @envelope', 'A.e: no field of the model is @encrypted'],
  ])('refuses %s', (lines, message) => {
    expect(outcomeOf(model(lines)).problems).toEqual([expect.stringContaining(message)])
  })
})

describe('placeholders', () => {
  it.each<Case>([
    ['/// @encrypted(placeholder: 1)\n  a String', 'the placeholder must be a string in double quotes'],
    ['/// @encrypted(placeholder: "x")\n  a Int', 'the placeholder must be an integer from -2147483648 to 2147483647'],
    ['/// @encrypted(placeholder: 2147483648)\n  a Int', 'the placeholder must be an integer'],
    ['/// @encrypted(placeholder: 1.5)\n  a Int', 'the placeholder must be an integer'],
    ['/// @encrypted(placeholder: 32768)\n  a Int @db.SmallInt', 'does not fit @db.SmallInt'],
    ['/// @encrypted(placeholder: 9223372036854775808)\n  a BigInt', 'the placeholder must be an integer'],
    ['/// @encrypted(placeholder: 1e999)\n  a Float', 'the placeholder must be a number'],
    ['/// @encrypted(placeholder: 0.1)\n  a Float @db.Real', 'does not fit @db.Real'],
    ['/// @encrypted(placeholder: 1e3)\n  a Decimal', 'the placeholder must be a decimal number without an exponent'],
    ['/// @encrypted(placeholder: 100)\n  a Decimal @db.Decimal(4, 2)', 'at most 2 digits before the point and 2 behind it'],
    ['/// @encrypted(placeholder: 1.001)\n  a Decimal @db.Decimal(4, 2)', 'at most 2 digits before the point and 2 behind it'],
    ['/// @encrypted(placeholder: maybe)\n  a Boolean', 'the placeholder must be true or false'],
    ['/// @encrypted(placeholder: "1970-01-01")\n  a DateTime', 'the placeholder must be a date and time'],
    ['/// @encrypted(placeholder: "1970-02-30T00:00:00Z")\n  a DateTime', 'the placeholder must be a date and time'],
    [
      '/// @encrypted(placeholder: "1970-01-01T10:00:00Z")\n  a DateTime @db.Date',
      'does not fit @db.Date: it must be midnight UTC',
    ],
    ['/// @encrypted(placeholder: "1970-01-02T10:00:00Z")\n  a DateTime @db.Time(3)', 'it must be on 1970-01-01'],
    [
      '/// @encrypted(placeholder: "1970-01-01T00:00:00.120Z")\n  a DateTime @db.Timestamp(1)',
      'a time with 1 digits of a second',
    ],
    ['/// @encrypted(placeholder: null)\n  a Json', 'must differ from null'],
    ['/// @encrypted(placeholder: 12345678901234567890)\n  a Json', 'JSON whose numbers are exact'],
    ['/// @encrypted(placeholder: "a")\n  a Bytes', 'the placeholder must be a string in base64'],
    ['/// @encrypted(placeholder: ["a"])\n  a String[]', 'the placeholder of a list is always []'],
    [
      '/// @encrypted(placeholder: "abcd")\n  a String @db.VarChar(3)',
      'does not fit @db.VarChar(3): it must be at most 3 characters',
    ],
    ['/// @encrypted(placeholder: "a ")\n  a String @db.Char(3)', 'without blanks at its end'],
    ['/// @encrypted(placeholder: "x")\n  a String @db.Uuid', 'does not fit @db.Uuid: it must be a UUID'],
    ['/// @encrypted(placeholder: "a\\u0000")\n  a String', 'without U+0000'],
    ['/// @encrypted(placeholder: "~abcd.0123456789012345678901234567890123456789012")\n  a String', 'looks like a token'],
  ])('refuses %s', (lines, message) => {
    expect(outcomeOf(patient(lines)).problems).toEqual([expect.stringContaining(message)])
  })

  it('names the values of an enum, and does not take names of all objects for such', () => {
    const { problems } = outcomeOf(`${patient('/// @encrypted(placeholder: constructor)\n  a K')}\nenum K {\n  A\n  B\n}`)
    expect(problems).toEqual([expect.stringContaining('the placeholder must be one of A, B')])
  })
})

describe('binding', () => {
  const bound = (bind: string, lines: string, more = '') => `
model A {
  id String @id @default(uuid())
  /// @encrypted
  secret String
  ${lines}
  /// @envelope(bind: [${bind}])
  envelope Json?
}
model T {
  id String @id
  as A[]
}
enum K {
  X
}
${more}`
  const relation = (more = '') =>
    `t T${more.includes('!') ? '' : '?'} @relation(fields: [tenantId], references: [id]${more.replace('!', '')})`

  it.each([
    ['tenantID', 'tenantId String', 'bind: tenantID is no field of A; did you mean tenantId?'],
    ['constructor', '', 'bind: constructor is no field of A'],
    ['secret', '', 'bind: secret is encrypted'],
    ['x', 'x String[]', "bind: x can't be bound, as it can't be known in which form PostgreSQL returns lists"],
    ['x', 'x Json', 'returns Json; remove it'],
    ['x', 'x Float', 'returns Float; remove it'],
    ['x', 'x Decimal', 'returns Decimal; remove it'],
    ['x', 'x Bytes', 'returns Bytes; remove it'],
    ['x', 'x String @db.Citext', 'returns String @db.Citext; remove it'],
    ['x', 'x DateTime @db.Timestamp(2)', 'returns DateTime @db.Timestamp(2); remove it'],
    ['x', 'x DateTime @db.Timestamptz(0)', 'returns DateTime @db.Timestamptz(0); remove it'],
    ['x', 'x DateTime @db.Time(6)', 'returns DateTime @db.Time(6); remove it'],
    ['x', 'x Int @db.Oid', 'returns Int @db.Oid; remove it'],
    ['x', 'x DateTime @updatedAt', 'bind: x is @updatedAt'],
    ['x', 'x Int @default(autoincrement())', 'bind: x has a default that only the database knows'],
    ['x', 'x String @default(dbgenerated("f()"))', 'bind: x has a default that only the database knows'],
    ['envelope', '', 'returns Json'],
    ['t', `${relation('!')}\n  tenantId String`, 'bind: t is a relation; name the fields of its foreign key: tenantId'],
    [
      'tenantId',
      `${relation()}\n  tenantId String?`,
      'onDelete: SetNull (the default of an optional relation) of t would change it unseen',
    ],
    ['tenantId', `${relation(', onDelete: SetNull')}\n  tenantId String?`, 'onDelete: SetNull of t would change it unseen'],
    ['tenantId', `${relation('!, onDelete: SetDefault')}\n  tenantId String @default("x")`, 'onDelete: SetDefault of t'],
    ['tenantId', `${relation(', onDelete: Cascade, onUpdate: SetNull')}\n  tenantId String?`, 'onUpdate: SetNull of t'],
    ['tenantId', `${relation(', onDelete: Cascade, onUpdate: SetDefault')}\n  tenantId String?`, 'onUpdate: SetDefault of t'],
  ])('refuses bind: [%s] with %s', (bind, lines, message) => {
    const withRelation = lines.includes('t T')
    const text = withRelation ? bound(bind, lines) : bound(bind, lines).replace('as A[]', '')
    expect(outcomeOf(text).problems).toEqual([expect.stringContaining(message)])
  })

  it('refuses an optional foreign key of a one-to-one relation, which Prisma Client sets to NULL when another row takes its place', () => {
    const text = bound('tenantId', `${relation(', onDelete: Cascade')}\n  tenantId String? @unique`).replace('as A[]', 'a A?')
    expect(outcomeOf(text).problems).toEqual([
      expect.stringContaining('the one-to-one relation t would set it to NULL unseen; make A.tenantId required'),
    ])
  })

  it('follows a bound foreign key to the foreign key that it is a copy of', () => {
    const text = bound('tenantId', `${relation('!')}\n  tenantId String`, 'model U {\n  id String @id\n  ts T[]\n}').replace(
      'model T {\n  id String @id',
      'model T {\n  id String @id\n  parent String? @unique\n  u U? @relation(fields: [parent], references: [id])',
    )
    const copied = text.replace('references: [id])\n  tenantId', 'references: [parent])\n  tenantId')
    expect(outcomeOf(text).problems).toEqual([])
    expect(outcomeOf(copied).problems).toEqual([
      expect.stringContaining('onDelete: SetNull (the default of an optional relation) of T.u would change it unseen'),
    ])
  })

  it.each([
    ['x', 'x String'],
    ['x', 'x String? @db.Char(4)'],
    ['x', 'x String @db.Uuid'],
    ['x', 'x Int @db.SmallInt'],
    ['x', 'x BigInt @default(4)'],
    ['x', 'x Boolean'],
    ['x', 'x K'],
    ['x', 'x DateTime'],
    ['x', 'x DateTime @db.Date'],
    ['x', 'x DateTime @db.Timestamptz(3)'],
    ['x', 'x DateTime @db.Timestamp'],
  ])('takes bind: [%s] with %s', (bind, lines) => {
    const { problems, models } = outcomeOf(bound(bind, lines).replace('as A[]', ''))
    expect(problems).toEqual([])
    expect(models['A']?.envelope?.bind).toEqual(['id', 'x'])
  })

  it('takes foreign keys whose rows the database does not change alone', () => {
    expect(outcomeOf(bound('tenantId', `${relation('!')}\n  tenantId String`)).problems).toEqual([])
    expect(outcomeOf(bound('tenantId', `${relation(', onDelete: Cascade')}\n  tenantId String?`)).problems).toEqual([])
  })
})

describe('identities', () => {
  it('refuses two tables of one identity', () => {
    const model = (name: string, as: string) =>
      `model ${name} {\n  id String @id\n  /// @encrypted\n  a String\n  /// @envelope${as}\n  e Json?\n}\n`
    expect(outcomeOf(`${model('A', '')}${model('B', '(as: A)')}`).problems).toEqual([
      expect.stringContaining('B: A has the identity "A" too'),
    ])
    // The same name in two schemas is not the same table.
    const schemas = (name: string, schema: string) =>
      model(name, '').replace(/\}\n$/, `  @@map("a")\n  @@schema("${schema}")\n}\n`)
    const { problems, models } = outcomeOf(`${schemas('A', 'a')}${schemas('B', 'b')}`, TWO_SCHEMAS)
    expect(problems).toEqual([])
    expect(models['B']?.table).toEqual({ schema: 'b', name: 'a', identity: 'b.a' })
  })

  it('refuses two fields of one identity', () => {
    expect(outcomeOf(patient('/// @encrypted(as: fullName)\n  a String')).problems).toEqual([
      expect.stringContaining('Patient.fullName: a has the identity "fullName" too'),
    ])
  })
})

it('gathers all problems of a schema', () => {
  const { problems } = outcomeOf(
    patient('/// @encrypted\n  a String @unique\n  /// @encrypted\n  b DateTime @updatedAt\n  /// @encrypted(x)\n  c Int'),
  )
  expect(problems).toHaveLength(3)
})
