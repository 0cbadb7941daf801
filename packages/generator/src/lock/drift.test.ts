import { describe, expect, it } from 'vitest'
import { outcomeOf } from '../../test/schema.ts'
import { createReport, describe as describeProblem } from '../problems.ts'
import { checkDrift } from './drift.ts'
import { lockOf, readLock, writeLock } from './lock.ts'

const BEFORE = `
model Patient {
  id String @id @default(uuid())
  tenantId Int @map("tenant_id")
  /// @encrypted(searchable, normalize: [trim], scope: [tenantId])
  email String @db.VarChar(60)
  /// @encrypted
  fullName String @map("full_name") @db.VarChar(60)
  /// @encrypted
  kind Kind?
  /// @envelope(bind: [tenantId])
  envelope Json?
  @@map("patients")
}
enum Kind {
  A
  B
}
`

function driftsOf(after: string, accepted: readonly string[] = []): { problems: readonly string[]; notices: readonly string[] } {
  const old = outcomeOf(BEFORE)
  const now = outcomeOf(after)
  expect([...old.problems, ...now.problems]).toEqual([])
  const report = createReport()
  checkDrift(readLock(writeLock(lockOf(old.models))), lockOf(now.models), now.models, accepted, report)
  return { problems: report.problems.map(describeProblem), notices: report.notices.map(describeProblem) }
}

const change = (from: string, to: string) => {
  expect(BEFORE).toContain(from)
  return BEFORE.replace(from, to)
}

describe('what the lock file holds', () => {
  it('is all that determines stored bytes', () => {
    expect(writeLock(lockOf(outcomeOf(BEFORE).models))).toMatchInlineSnapshot(`
      "{
        "version": 1,
        "models": {
          "patients": {
            "envelope": "envelope",
            "bind": [
              "id String",
              "tenant_id Int"
            ],
            "fields": {
              "email": {
                "type": "String",
                "native": "@db.VarChar(60)",
                "placeholder": "*",
                "search": {
                  "index": "patients.email",
                  "normalize": [
                    "trim"
                  ],
                  "scope": [
                    "tenant_id"
                  ]
                }
              },
              "full_name": {
                "type": "String",
                "native": "@db.VarChar(60)",
                "placeholder": "*"
              },
              "kind": {
                "type": "Enum",
                "values": [
                  "A",
                  "B"
                ],
                "placeholder": "A"
              }
            }
          }
        }
      }
      "
    `)
  })

  it.each([
    '',
    '{',
    '[]',
    '{"version":2,"models":{}}',
    '{"version":1}',
    '{"version":1,"models":{"a":{}}}',
    '{"version":1,"models":{},"keyStore":{"table":"a"}}',
    '{"version":1,"models":{"a":{"envelope":"e","bind":[],"fields":{"x":1}}}}',
  ])('is refused when damaged: %s', (text) => {
    expect(() => readLock(text)).toThrow('envelope.lock.json')
  })
})

describe('no drift', () => {
  it.each([
    ['nothing', BEFORE],
    ['names of Prisma', BEFORE.replace('model Patient', 'model Person').replace('fullName String', 'name String')],
    ['a new model', `${BEFORE}\nmodel B {\n  id Int @id\n  /// @encrypted\n  x Int\n  /// @envelope\n  e Json?\n}`],
    [
      'a table that is renamed but keeps its identity',
      change('@envelope(bind: [tenantId])', '@envelope(bind: [tenantId], as: patients)').replace(
        '@@map("patients")',
        '@@map("people")',
      ),
    ],
    ['a wider column', change('@map("full_name") @db.VarChar(60)', '@map("full_name") @db.Text')],
    ['a new value of an enum', change('  B\n', '  B\n  C\n')],
    ['an optional column', change('fullName String', 'fullName String?')],
  ])('is in %s', (_what, after) => {
    expect(driftsOf(after)).toEqual({ problems: [], notices: [] })
  })
})

it('tells of a new encrypted field in a model that has sealed rows', () => {
  const { problems, notices } = driftsOf(change('tenantId Int', '/// @encrypted\n  note String?\n  tenantId Int'))
  expect(problems).toEqual([])
  expect(notices).toEqual([expect.stringMatching(/^Patient\.note: newly encrypted.*mode `plain`/)])
})

describe('drift', () => {
  it.each([
    [
      'type',
      change('fullName String @map("full_name") @db.VarChar(60)', 'fullName Int @map("full_name")'),
      'Patient.fullName: its values are sealed as String, the schema now says Int',
      'decrypt Patient.fullName',
    ],
    [
      'list',
      change('fullName String', 'fullName String[]'),
      'Patient.fullName: its values are sealed as String, the schema now says String[]',
      'encrypt Patient.fullName',
    ],
    [
      'narrower type',
      change('@map("full_name") @db.VarChar(60)', '@map("full_name") @db.VarChar(59)'),
      'Patient.fullName: its values are sealed as @db.VarChar(60), the schema now says @db.VarChar(59)',
      'decrypt Patient.fullName',
    ],
    ['enum value', change('  B\n', ''), 'Patient.kind: rows may hold [B], which the enum no longer has', 'Update those rows'],
    [
      'normalization',
      change('[trim]', '[trim, nfc]'),
      'Patient.email: its tokens are made by index "patients.email", normalize [trim], scope [tenant_id], the schema now says',
      'rotate --reindex --all Patient.email',
    ],
    ['scope', change(', scope: [tenantId]', ''), 'Patient.email: its tokens are made by', 'rotate --reindex --all Patient.email'],
    ['index', change('searchable,', 'searchable, index: mail,'), 'index "mail"', 'rotate --reindex --all Patient.email'],
    [
      'search',
      change('@encrypted(searchable, normalize: [trim], scope: [tenantId])', '@encrypted'),
      'the schema now says no search',
      'rotate --reindex Patient.email',
    ],
    [
      'search where there was none',
      change('/// @encrypted\n  fullName', '/// @encrypted(searchable)\n  fullName'),
      'Patient.fullName: its tokens are made by no search, the schema now says index',
      'guard --drop --apply Patient.fullName',
    ],
    [
      'placeholder',
      change('/// @encrypted\n  fullName', '/// @encrypted(placeholder: "-")\n  fullName'),
      'Patient.fullName: its column holds the placeholder "*", the schema now says "-"',
      'decrypt Patient.fullName',
    ],
    [
      'bind',
      change('scope: [tenantId]', 'scope: [id]')
        .replace('@envelope(bind: [tenantId])', '@envelope')
        .replace('scope: [id]', 'scope: []'),
      'Patient: its rows are bound to [id String, tenant_id Int], the schema now says [id String]',
      'decrypt Patient`',
    ],
    [
      'envelope',
      change('envelope Json?', 'envelope Json? @map("env")'),
      'Patient: its envelopes are in the column envelope, the schema now looks into env',
      'Rename the column',
    ],
    [
      'removed annotation',
      change('/// @encrypted\n  fullName', 'fullName'),
      'Patient.fullName: envelope.lock.json has it as encrypted',
      'decrypt Patient.fullName',
    ],
    [
      'renamed column',
      change('"full_name"', '"name"'),
      'Patient.full_name: envelope.lock.json has it as encrypted',
      '@encrypted(as: "full_name")',
    ],
    [
      'renamed table',
      change('"patients"', '"people"'),
      'patients: envelope.lock.json has encrypted rows under the identity "patients"',
      '@envelope(as: "patients")',
    ],
  ])('of %s is refused with what to do', (_what, after, message, remedy) => {
    const { problems } = driftsOf(after)
    const text = problems.join('\n')
    expect(text).toContain(message)
    expect(text).toContain(remedy)
    expect(text).toMatch(/PRISMA_ENVELOPE_ACCEPT=\S+ npx prisma generate/)
  })

  it('passes once it is accepted by its name', () => {
    const after = change('/// @encrypted\n  fullName', 'fullName').replace('[trim]', '[nfc]')
    expect(driftsOf(after, ['Patient.fullName']).problems).toEqual([expect.stringContaining('Patient.email')])
    expect(driftsOf(after, ['Patient.fullName', 'Patient.email'])).toEqual({ problems: [], notices: [] })
    expect(driftsOf(BEFORE, ['Patient.email']).notices).toEqual([
      expect.stringContaining('names Patient.email, of which envelope.lock.json knows no drift'),
    ])
  })
})

describe('the key store', () => {
  const STORE = `
/// @envelopeKeys
model EnvelopeKey {
  id            String @id
  kid           String
  table         String
  context       Json
  contextDigest String
  generation    Int
  wrapped       String?
  createdAt     DateTime @default(now())
  erasedAt      DateTime?
  @@unique([kid, table, contextDigest, generation])
  @@index([contextDigest])
}
`
  const keyStoreDrifts = (after: string, accepted: readonly string[] = []) => {
    const [old, now] = [outcomeOf(STORE), outcomeOf(after)]
    expect(now.problems).toEqual([])
    const report = createReport()
    const lock = readLock(writeLock(lockOf(old.models, old.keyStore)))
    checkDrift(lock, lockOf(now.models, now.keyStore), now.models, accepted, report)
    return report.problems.map(describeProblem)
  }

  it('may come, and change its names of Prisma', () => {
    const report = createReport()
    const { models, keyStore } = outcomeOf(STORE)
    checkDrift(lockOf(models), lockOf(models, keyStore), models, [], report)
    expect(report.problems).toEqual([])
    expect(keyStoreDrifts(STORE)).toEqual([])
    expect(
      keyStoreDrifts(
        STORE.replace('model EnvelopeKey', '/// More.\nmodel Keys').replace('  @@index', '  @@map("EnvelopeKey")\n  @@index'),
      ),
    ).toEqual([])
  })

  it.each([
    ['a model that is gone', '', 'no model is marked @envelopeKeys any more', 'rotate --reencrypt'],
    [
      'another table',
      STORE.replace('  @@index', '  @@map("keys")\n  @@index'),
      'the table EnvelopeKey, which the schema now calls keys',
      'ALTER TABLE … RENAME',
    ],
    [
      'another column',
      STORE.replace('String?', 'String? @map("w")'),
      'the column wrapped, which the schema now calls w',
      'ALTER TABLE … RENAME',
    ],
  ])('is refused with %s until it is accepted', (_what, after, message, remedy) => {
    const text = keyStoreDrifts(after).join('\n')
    expect(text).toContain(`keyStore: the branch keys of sealed rows are in`)
    expect(text).toContain(message)
    expect(text).toContain(remedy)
    expect(text).toContain('PRISMA_ENVELOPE_ACCEPT=keyStore npx prisma generate')
    expect(keyStoreDrifts(after, ['keyStore'])).toEqual([])
  })
})
