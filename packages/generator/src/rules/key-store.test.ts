import { describe, expect, it } from 'vitest'
import { outcomeOf } from '../../test/schema.ts'

const MODEL = `/// Where the keys are. @envelopeKeys
model EnvelopeKey {
  id            String    @id
  kid           String
  table         String    @map("table_name")
  context       Json
  contextDigest String    @map("context_digest")
  generation    Int
  wrapped       String?
  createdAt     DateTime  @default(now())
  erasedAt      DateTime?

  @@unique([kid, table, contextDigest, generation])
  @@index([contextDigest])
  @@map("envelope_keys")
}
`

const changed = (from: string | RegExp, to: string): string => {
  const text = MODEL.replace(from, to)
  expect(text).not.toBe(MODEL)
  return text
}

describe('the key store', () => {
  it('is found by its annotation, with the names of the database', () => {
    expect(outcomeOf(MODEL)).toMatchObject({
      problems: [],
      notices: [],
      keyStore: {
        model: 'EnvelopeKey',
        table: { name: 'envelope_keys', identity: 'envelope_keys' },
        columns: {
          id: 'id',
          kid: 'kid',
          table: 'table_name',
          context: 'context',
          contextDigest: 'context_digest',
          generation: 'generation',
          wrapped: 'wrapped',
          createdAt: 'createdAt',
          erasedAt: 'erasedAt',
        },
      },
    })
    expect(outcomeOf(MODEL).models['EnvelopeKey']?.envelope).toBeUndefined()
  })

  it('may be in a schema of the database', () => {
    const header = 'datasource db {\n  provider = "postgresql"\n  schemas = ["keys"]\n}\n'
    expect(outcomeOf(changed('@@map', '@@schema("keys")\n  @@map'), header)).toMatchObject({
      problems: [],
      keyStore: { table: { schema: 'keys', name: 'envelope_keys', identity: 'keys.envelope_keys' } },
    })
  })

  it('is not needed', () => {
    const outcome = outcomeOf(changed('@envelopeKeys', '`@envelopeKeys`'))
    expect(outcome).toMatchObject({ problems: [], notices: [], keyStore: undefined })
  })

  it.each([
    ['note String?'],
    ['note String @default("x")'],
    ['note DateTime @default(now())'],
    ['note String @default(dbgenerated("gen_random_uuid()"))'],
    ['serial Int @default(autoincrement())'],
    ['notes String[]'],
    ['place Unsupported("point")?'],
  ])('may have a field that keys are written without: %s', (line) => {
    expect(outcomeOf(changed('  @@unique', `  ${line}\n  @@unique`)).problems).toEqual([])
  })

  it.each([
    ['Text', '  wrapped       String?', '  wrapped String? @db.Text'],
    ['Timestamptz', '@default(now())', '@default(now()) @db.Timestamptz(3)'],
    ['JsonB', 'context       Json', 'context Json @db.JsonB'],
    ['order of the unique key', '[kid, table, contextDigest, generation]', '[contextDigest, table, kid, generation]'],
    ['longer index', '@@index([contextDigest])', '@@index([contextDigest, table])'],
  ])('may differ in what changes nothing: %s', (_what, from, to) => {
    expect(outcomeOf(changed(from, to)).problems).toEqual([])
  })

  it.each([
    ['  wrapped       String?\n', '', 'wrapped: the key store needs the field wrapped String?'],
    ['  wrapped       String?', '  wrapped String', 'wrapped: it must be optional; write wrapped String?'],
    ['  wrapped       String?', '  wrapped Bytes?', 'wrapped: it must be String; write wrapped String?'],
    ['  wrapped       String?', '  wrapped String[]', 'wrapped: it must be String; write wrapped String?'],
    ['  wrapped       String?', '  wrapped String? @db.VarChar(100)', 'wrapped: @db.VarChar does not keep every value as it is'],
    ['  kid           String', '  kid String @default("pii")', 'kid: it has no @default; write kid String'],
    ['  kid           String', '  kid String?', 'kid: it must be required; write kid String'],
    ['  generation    Int', '  generation BigInt', 'generation: it must be Int; write generation Int'],
    ['@default(now())', '', 'createdAt: its default is now(); write createdAt DateTime @default(now())'],
    ['@default(now())', '@updatedAt', 'createdAt: its default is now(); write createdAt DateTime @default(now())'],
    ['erasedAt      DateTime?', 'erasedAt DateTime? @updatedAt', 'erasedAt: nothing is written at each update'],
    ['context       Json', 'context Json @db.Json', 'context: @db.Json does not keep every value as it is'],
    [/^  @@unique.*\n/m, '', 'one must win; add @@unique([kid, table, contextDigest, generation])'],
    ['contextDigest, generation])', 'contextDigest])', 'one must win; add @@unique([kid, table, contextDigest, generation])'],
    [/^  @@index.*\n/m, '', 'looked for by its digest; add @@index([contextDigest])'],
    ['  kid           String', '  kid String @unique', 'kid: @unique would refuse keys; remove it'],
    ['  @@index', '  @@unique([table, kid])\n  @@index', '@@unique([table, kid]) would refuse keys; remove it'],
    ['String    @id', 'String @unique', 'id: envelopes name a key by its id; write id String @id'],
    ['  @@index', '  note String\n  @@index', 'note: keys are written without this field; make it optional'],
    ['  @@index', '  note String @default(uuid())\n  @@index', 'note: keys are written without this field; make it optional'],
    ['  @@index', '  /// @encrypted\n  note String?\n  @@index', 'note: the key store is read without keys'],
  ])('is refused with %s → %s, and the model to paste', (from, to, message) => {
    const problems = outcomeOf(changed(from, to)).problems.join('\n')
    expect(problems).toContain(`EnvelopeKey`)
    expect(problems).toContain(message)
    const printed = /\/\/\/ @envelopeKeys[\s\S]*?\n\s*\}/.exec(problems)?.[0] ?? ''
    expect(outcomeOf(printed).problems).toEqual([])
    expect(outcomeOf(printed).keyStore?.table.name).toBe('envelope_keys')
  })

  it('has no relations', () => {
    const tenant = 'model Tenant {\n  id Int @id\n  keys EnvelopeKey[]\n}\n'
    const relation =
      '  tenantId Int?\n  tenant Tenant? @relation(fields: [tenantId], references: [id], onDelete: Cascade)\n  @@index'
    expect(outcomeOf(`${changed('  @@index', relation)}${tenant}`).problems).toEqual([
      expect.stringContaining('EnvelopeKey.tenant: the key store has no relations: a cascade must not delete keys'),
    ])
  })

  it('is one', () => {
    const second = MODEL.replace('model EnvelopeKey', 'model Second').replace('envelope_keys', 'second')
    expect(outcomeOf(`${MODEL}${second}`).problems).toEqual([
      expect.stringContaining('Second: there is one key store, and EnvelopeKey is it already; remove @envelopeKeys here'),
    ])
  })

  it.each([
    [changed('@envelopeKeys', '@envelopeKey'), '@envelopeKey is unknown; did you mean @envelopeKeys?'],
    [changed('@envelopeKeys', '@envelopeKeys(x)'), '@envelopeKeys takes no options'],
    [changed('@envelopeKeys', '@envelopeKeys @envelopeKeys'), '@envelopeKeys appears twice'],
    [changed('@envelopeKeys\n', '@envelopeKeys\n\n'), 'Prisma loses @envelopeKeys over a blank line'],
    [changed('  kid  ', '  /// @envelopeKeys\n  kid  '), 'kid: @envelopeKeys marks a whole model'],
    [`${MODEL}/// @envelopeKeys\nenum Kind {\n  A\n}\n`, 'Kind: @envelopeKeys marks the model that holds the branch keys'],
    [
      changed('  @@map', '  @@ignore\n  @@map'),
      '@envelopeKeys marks the model that holds the branch keys, one that Prisma Client knows',
    ],
  ])('is marked in one way: %#', (text, message) => {
    expect(outcomeOf(text).problems.join('\n')).toContain(message)
  })

  it('is no view', () => {
    const text = MODEL.replace('model EnvelopeKey', 'view EnvelopeKey')
      .replace(/^ {2}@@(?:unique|index).*\n/gm, '')
      .replace('@id', '@unique')
    expect(outcomeOf(text).problems.join('\n')).toContain('a view holds no keys')
  })
})
