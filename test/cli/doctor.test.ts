import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import { awsKms } from '@prisma-envelope/kms/aws'
import type { Fault } from '@prisma-envelope/local-kms'
import { createIndexKey } from 'prisma-envelope'
import { afterAll, describe, expect, test } from 'vitest'
import { type CliSetup, runCli } from '../support/cli.ts'
import { createEncryptedClient, extend } from '../support/encrypted-client.ts'
import { kmsClient } from '../support/kms-client.ts'

const { database, sql, kms, arn, bare, prisma, keys, indexKey } = await createEncryptedClient('cli-doctor')
const setup: CliSetup = { databaseUrl: database.url, kms, keys: { pii: arn }, indexKeys: [indexKey.current] }
const lock = fileURLToPath(new URL('../../prisma/envelope.lock.json', import.meta.url))

interface Finding {
  readonly severity: string
  readonly code: string
  readonly model?: string
  readonly field?: string
  readonly key?: string
  readonly meaning: string
  readonly remedy: string
}

async function doctor(args: readonly string[] = ['Patient'], changed: Partial<CliSetup> = {}) {
  const { code, err, out, result, events } = await runCli({ ...setup, ...changed }, ['doctor', '--lock', lock, '--json', ...args])
  const findings = events.filter(({ event }) => event === 'finding') as unknown as Finding[]
  for (const { meaning, remedy } of findings) expect([meaning, remedy].every((text) => text.length > 10)).toBe(true)
  return { code, err, out, result, findings, codes: findings.map((finding) => `${finding.severity} ${finding.code}`) }
}

/** What is found where the database has not been touched. */
const UNGUARDED = 'warning GUARD_MISSING'

await prisma.patient.create({ data: { email: 'ada@example.org', fullName: 'Ada Lovelace', ward: 'B2' } })

test('finds nothing wrong with a database as the migrations made it, of a schema as it was locked', async () => {
  const { code, err, findings, result } = await doctor([])
  expect(err).toBe('')
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([])
  expect(new Set(findings.map(({ code: found }) => found))).toEqual(new Set(['GUARD_MISSING', 'DEFAULT', 'BOUND_FOREIGN_KEY']))
  expect(code).toBe(0)
  expect(result).toMatchObject({ errors: 0 })
})

test('needs no more than to read', async () => {
  const url = await reader('doctor_reader', 'GRANT SELECT ON ALL TABLES IN SCHEMA public TO doctor_reader')
  const { code, codes } = await doctor(['Patient'], { databaseUrl: url })
  expect(codes).toEqual([UNGUARDED])
  expect(code).toBe(0)
  await dropReader('doctor_reader')
})

test('tells people in lines, with what to do', async () => {
  const { code, out, err } = await runCli(setup, ['doctor', 'Patient', '--lock', lock])
  expect(code).toBe(0)
  expect(out).toContain('Patient: 1 rows, 1 under pii')
  expect(err).toMatch(/^warning GUARD_MISSING Patient: .*email, ssn.*\n {4}→ run `prisma-envelope-cli guard --apply Patient`/)
})

interface Case {
  readonly found: string
  readonly field?: string
  readonly model?: string
  readonly change: readonly string[]
  readonly back: readonly string[]
}

const patient = (change: string): string => `ALTER TABLE "Patient" ${change}`
const doctored = 'doctored'

const cases: readonly Case[] = [
  {
    found: 'error COLUMN_MISSING',
    field: 'notes',
    change: [patient('RENAME notes TO elsewhere')],
    back: [patient('RENAME elsewhere TO notes')],
  },
  {
    found: 'error COLUMN_MISSING',
    field: 'envelope',
    change: [patient('RENAME envelope TO elsewhere')],
    back: [patient('RENAME elsewhere TO envelope')],
  },
  {
    found: 'error COLUMN_MISSING',
    field: 'id',
    change: [patient('RENAME id TO elsewhere')],
    back: [patient('RENAME elsewhere TO id')],
  },
  {
    found: 'error TYPE_DIFFERS',
    field: 'birthDate',
    change: [patient('ALTER "birthDate" TYPE date')],
    back: [patient('ALTER "birthDate" TYPE timestamp(3)')],
  },
  {
    found: 'error TYPE_DIFFERS',
    field: 'notes',
    change: [patient('ALTER notes TYPE text[] USING ARRAY[notes]')],
    back: [patient('ALTER notes TYPE text USING notes[1]')],
  },
  {
    found: 'warning TYPE_DIFFERS',
    field: 'fullName',
    change: [patient('ALTER "fullName" TYPE varchar(200)')],
    back: [patient('ALTER "fullName" TYPE text')],
  },
  {
    found: 'error TOO_NARROW',
    field: 'ssn',
    change: [patient('ALTER ssn TYPE varchar(48)')],
    back: [patient('ALTER ssn TYPE text')],
  },
  {
    found: 'error TOO_NARROW',
    field: 'ssn',
    change: [patient('ALTER ssn TYPE char(11)')],
    back: [patient('ALTER ssn TYPE text')],
  },
  {
    found: 'error PLACEHOLDER_REFUSED',
    field: 'notes',
    change: ['CREATE DOMAIN long_text AS text CHECK (length(value) > 10)', patient('ALTER notes TYPE long_text')],
    back: [patient('ALTER notes TYPE text'), 'DROP DOMAIN long_text'],
  },
  {
    found: 'error ENVELOPE_TYPE',
    field: 'envelope',
    change: [patient('ALTER envelope TYPE json')],
    back: [patient('ALTER envelope TYPE jsonb')],
  },
  {
    found: 'warning ENVELOPE_NOT_NULL',
    field: 'envelope',
    change: [patient('ALTER envelope SET NOT NULL')],
    back: [patient('ALTER envelope DROP NOT NULL')],
  },
  {
    found: 'error NOT_NULL',
    field: 'notes',
    change: [`UPDATE "Patient" SET notes = '*'`, patient('ALTER notes SET NOT NULL')],
    back: [patient('ALTER notes DROP NOT NULL'), `UPDATE "Patient" SET notes = NULL`],
  },
  {
    found: 'warning NULLABLE',
    field: 'fullName',
    change: [patient('ALTER "fullName" DROP NOT NULL')],
    back: [patient('ALTER "fullName" SET NOT NULL')],
  },
  {
    found: 'warning DEFAULT',
    field: 'notes',
    change: [patient(`ALTER notes SET DEFAULT 'none'`)],
    back: [patient('ALTER notes DROP DEFAULT')],
  },
  {
    found: 'error UNIQUE_ON_PLACEHOLDERS',
    change: [`CREATE UNIQUE INDEX ${doctored} ON "Patient" (ward, "fullName")`],
    back: [`DROP INDEX ${doctored}`],
  },
  {
    found: 'error UNIQUE_ON_PLACEHOLDERS',
    change: [patient(`ADD CONSTRAINT ${doctored} EXCLUDE USING hash ("fullName" WITH =)`)],
    back: [patient(`DROP CONSTRAINT ${doctored}`)],
  },
  {
    found: 'warning INDEX_MEANINGLESS',
    change: [`CREATE INDEX ${doctored} ON "Patient" ("birthDate")`],
    back: [`DROP INDEX ${doctored}`],
  },
  {
    found: 'warning INDEX_MEANINGLESS',
    change: ['CREATE EXTENSION pg_trgm', `CREATE INDEX ${doctored} ON "Patient" USING gin (email gin_trgm_ops)`],
    back: [`DROP INDEX ${doctored}`, 'DROP EXTENSION pg_trgm'],
  },
  {
    found: 'warning INDEX_EXPRESSION',
    change: [`CREATE INDEX ${doctored} ON "Patient" USING gin (to_tsvector('simple', "fullName"))`],
    back: [`DROP INDEX ${doctored}`],
  },
  {
    found: 'error INDEX_EXPRESSION',
    change: [`CREATE UNIQUE INDEX ${doctored} ON "Patient" (lower(email))`],
    back: [`DROP INDEX ${doctored}`],
  },
  {
    found: 'warning INDEX_PREDICATE',
    change: [`CREATE INDEX ${doctored} ON "Patient" (ward) WHERE notes = 'urgent'`],
    back: [`DROP INDEX ${doctored}`],
  },
  {
    found: 'error FOREIGN_KEY',
    change: [
      `CREATE TABLE ${doctored} (note text PRIMARY KEY)`,
      patient(`ADD FOREIGN KEY (notes) REFERENCES ${doctored} (note)`),
    ],
    back: [`DROP TABLE ${doctored} CASCADE`],
  },
  {
    found: 'error BOUND_FOREIGN_KEY',
    model: 'Condition',
    change: [
      'ALTER TABLE conditions DROP CONSTRAINT conditions_patient_id_fkey',
      `ALTER TABLE conditions ADD CONSTRAINT conditions_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES "Patient" (id) ON UPDATE CASCADE ON DELETE SET NULL`,
    ],
    back: [
      'ALTER TABLE conditions DROP CONSTRAINT conditions_patient_id_fkey',
      `ALTER TABLE conditions ADD CONSTRAINT conditions_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES "Patient" (id) ON UPDATE CASCADE ON DELETE CASCADE`,
    ],
  },
  {
    found: 'warning TRIGGER',
    change: [
      `CREATE FUNCTION ${doctored}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`,
      `CREATE TRIGGER ${doctored} BEFORE UPDATE ON "Patient" FOR EACH ROW EXECUTE FUNCTION ${doctored}()`,
    ],
    back: [`DROP FUNCTION ${doctored} CASCADE`],
  },
  {
    found: 'warning RULE',
    change: [`CREATE RULE ${doctored} AS ON INSERT TO "Patient" DO ALSO NOTIFY somebody`],
    back: [`DROP RULE ${doctored} ON "Patient"`],
  },
  {
    found: 'error GENERATED_COLUMN',
    change: [patient(`ADD ${doctored} text GENERATED ALWAYS AS (upper("fullName")) STORED`)],
    back: [patient(`DROP ${doctored}`)],
  },
  {
    found: 'error CHECK',
    change: [patient(`ADD CONSTRAINT ${doctored} CHECK (length(ssn) = 11) NOT VALID`)],
    back: [patient(`DROP CONSTRAINT ${doctored}`)],
  },
  {
    found: 'note VIEW',
    change: [`CREATE VIEW ${doctored} AS SELECT id, email FROM "Patient"`],
    back: [`DROP VIEW ${doctored}`],
  },
  {
    found: 'warning MATERIALIZED_VIEW',
    change: [
      `CREATE VIEW ${doctored} AS SELECT id, email FROM "Patient"`,
      `CREATE MATERIALIZED VIEW copied AS SELECT * FROM ${doctored}`,
    ],
    back: [`DROP VIEW ${doctored} CASCADE`],
  },
  {
    found: 'warning PUBLICATION',
    change: [`CREATE PUBLICATION ${doctored} FOR TABLE "Patient"`],
    back: [`DROP PUBLICATION ${doctored}`],
  },
  {
    found: 'warning REPLICA_IDENTITY',
    change: [patient('REPLICA IDENTITY FULL')],
    back: [patient('REPLICA IDENTITY DEFAULT')],
  },
  {
    found: 'warning REPLICA_IDENTITY',
    change: [patient('REPLICA IDENTITY USING INDEX "Patient_email_key"')],
    back: [patient('REPLICA IDENTITY DEFAULT')],
  },
  {
    found: 'error POLICY',
    change: [`CREATE POLICY ${doctored} ON "Patient" USING (email = current_user)`],
    back: [`DROP POLICY ${doctored} ON "Patient"`],
  },
]

describe('finds in the database', () => {
  test.each(cases)('$found: $change', async ({ found, field, model = 'Patient', change, back }) => {
    for (const statement of change) await sql(statement)
    try {
      const { code, findings, out } = await doctor([model])
      const expected = { severity: found.split(' ')[0], code: found.split(' ')[1], model, ...(field !== undefined && { field }) }
      expect(findings).toContainEqual(expect.objectContaining(expected))
      expect(code).toBe(found.startsWith('error') ? 1 : 0)
      expect(out).not.toContain('Ada Lovelace')
    } finally {
      for (const statement of back) await sql(statement)
    }
  })

  test('nothing any more, once all that is taken back', async () => {
    expect((await doctor()).codes).toEqual([UNGUARDED])
  })

  test('nothing wrong with an index on tokens, with predicates about NULL, views of other columns', async () => {
    await sql(`CREATE INDEX d1 ON "Patient" (ssn)`)
    await sql(`CREATE INDEX d2 ON "Patient" (ward) INCLUDE ("fullName") WHERE notes IS NOT NULL AND ("birthDate" IS NULL)`)
    await sql(`CREATE VIEW d3 AS SELECT id, ward FROM "Patient"`)
    expect((await doctor()).codes).toEqual([UNGUARDED])
    await sql('DROP VIEW d3')
    await sql('DROP INDEX d1, d2')
  })

  test('that a table is missing, and goes on with the others', async () => {
    await sql('ALTER TABLE "GivenKey" RENAME TO given_away')
    const { code, findings, result } = await doctor(['GivenKey', 'Patient'])
    await sql('ALTER TABLE given_away RENAME TO "GivenKey"')
    expect(code).toBe(1)
    expect(findings).toContainEqual(expect.objectContaining({ code: 'TABLE_MISSING', model: 'GivenKey' }))
    expect(result).toMatchObject({ models: [{ model: 'Patient', rows: 1 }] })
  })

  test('what it may not read, and rows that row security hides from it', async () => {
    const url = await reader('doctor_half', 'GRANT SELECT ON "Patient" TO doctor_half')
    await sql('ALTER TABLE "Patient" ENABLE ROW LEVEL SECURITY')
    const { code, codes, findings } = await doctor(['Patient', 'Contact'], { databaseUrl: url })
    await sql('ALTER TABLE "Patient" DISABLE ROW LEVEL SECURITY')
    await dropReader('doctor_half')
    expect(code).toBe(1)
    expect(codes).toEqual([UNGUARDED, 'warning ROW_SECURITY', UNGUARDED, 'error NOT_READABLE'])
    expect(findings.at(-1)).toMatchObject({ model: 'Contact' })
  })

  test('that it is not there', async () => {
    const { code, codes } = await doctor(['Patient'], { databaseUrl: 'postgresql://nobody@127.0.0.1:1/none' })
    expect(code).toBe(1)
    expect(codes).toEqual(['error DATABASE'])
  })
})

describe('finds of the guards', () => {
  const guard = (...args: string[]) => runCli(setup, ['guard', 'Patient', '--apply', ...args])
  afterAll(() => guard('--drop'))

  test('that they are missing, not validated, of another definition, or left over', async () => {
    expect(await doctor(['Patient', '--require-guards'])).toMatchObject({ code: 1, codes: ['error GUARD_MISSING'] })
    await guard()
    expect(await doctor(['Patient', '--require-guards'])).toMatchObject({ code: 0, codes: [] })
    await sql(`ALTER TABLE "Patient" DROP CONSTRAINT "envelope_guard_Patient_notes", DROP CONSTRAINT "envelope_guard_Patient_ssn",
      ADD CONSTRAINT "envelope_guard_Patient_notes" CHECK (notes = 'older'),
      ADD CONSTRAINT "envelope_guard_Patient_older" CHECK (ward <> 'x')`)
    const unvalidated = (await runCli(setup, ['guard', 'Patient.ssn'])).out
    await sql(unvalidated.slice(unvalidated.indexOf('ALTER'), unvalidated.indexOf('COMMIT;')))
    const { code, findings } = await doctor()
    expect(code).toBe(1)
    expect(findings.map(({ severity, code: found, meaning }) => `${severity} ${found}: ${meaning}`)).toEqual([
      expect.stringMatching(/^warning GUARD_OUTDATED: .*: notes$/),
      expect.stringMatching(/^warning GUARD_NOT_VALIDATED: .*: ssn, envelope$/),
      expect.stringMatching(/^error GUARD_LEFT_OVER: .*envelope_guard_Patient_older guards ward/),
    ])
    expect(await guard()).toMatchObject({ code: 0 })
    expect((await doctor()).codes).toEqual([])
  })
})

describe('finds in the lock file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'doctor-lock-'))
  afterAll(() => rm(folder, { recursive: true }))
  const original = await readFile(lock, 'utf8')

  type Lock = {
    version: number
    models: Record<string, { envelope: string; bind: string[]; fields: Record<string, Record<string, unknown>> }>
  }

  const withLock = async (text: string) => {
    const path = join(folder, `${randomUUID()}.json`)
    await writeFile(path, text)
    return doctor(['Patient', '--lock', path])
  }
  const edits: [string, (models: Lock['models']) => void, Partial<Finding>][] = [
    ['a model more', (models) => Object.assign(models, { Gone: models['Patient'] }), {}],
    ['a model less', (models) => delete models['Patient'], { model: 'Patient' }],
    ['another envelope', (models) => Object.assign(models['Patient'] ?? {}, { envelope: 'sealed' }), { model: 'Patient' }],
    ['another binding', (models) => models['Patient']?.bind.push('ward String'), { model: 'Patient' }],
    [
      'a field more',
      (models) => Object.assign(models['Patient']?.fields ?? {}, { gone: { type: 'String', placeholder: '*' } }),
      { model: 'Patient' },
    ],
    ['a field less', (models) => delete models['Patient']?.fields['notes'], { model: 'Patient', field: 'notes' }],
    ['another type', (models) => Object.assign(models['Patient']?.fields['notes'] ?? {}, { type: 'Int' }), { field: 'notes' }],
    [
      'another placeholder',
      (models) => Object.assign(models['Patient']?.fields['notes'] ?? {}, { placeholder: '-' }),
      { field: 'notes' },
    ],
    ['no search', (models) => delete models['Patient']?.fields['ssn']?.['search'], { field: 'ssn' }],
  ]

  test.each(edits)('%s than in the plan', async (_what, edit, expected) => {
    const changed = JSON.parse(original) as Lock
    edit(changed.models)
    const { code, findings } = await withLock(JSON.stringify(changed))
    expect(code).toBe(1)
    expect(findings.filter((finding) => finding.code !== 'GUARD_MISSING')).toEqual([
      expect.objectContaining({ severity: 'error', code: 'LOCK_DIFFERS', ...expected }),
    ])
  })

  test('nothing, whatever the order of its properties', async () => {
    const reversed = JSON.parse(original, (_key, value: unknown) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).toReversed())
        : value,
    ) as Lock
    expect((await withLock(JSON.stringify(reversed))).codes).toEqual([UNGUARDED])
  })

  test('that it is damaged, or missing', async () => {
    for (const text of ['<<<<<<< HEAD', '{"version":2,"models":{}}', '{"version":1,"models":{"Patient":1}}'])
      expect((await withLock(text)).codes).toContain('error LOCK_DAMAGED')
    expect((await doctor(['Patient', '--lock', join(folder, 'none.json')])).codes).toContain('error LOCK_MISSING')
  })
})

describe('finds of the keys', () => {
  const admin = kmsClient(kms)
  afterAll(() => admin.destroy())

  const faults: [string, Fault, string[]][] = [
    [
      'may not make keys',
      { operation: 'GenerateDataKey', exception: { name: 'AccessDeniedException' } },
      ['error ACCESS_DENIED'],
    ],
    [
      'may not unwrap',
      { operation: 'Decrypt', exception: { name: 'AccessDeniedException' } },
      ['error ACCESS_DENIED', 'error ACCESS_DENIED'],
    ],
    ['may not wrap', { operation: 'Encrypt', exception: { name: 'AccessDeniedException' } }, ['warning ACCESS_DENIED']],
    ['is pending deletion', { exception: { name: 'KMSInvalidStateException' } }, ['error KEY_DISABLED', 'error KEY_DISABLED']],
    ['is unknown', { exception: { name: 'NotFoundException' } }, ['error KEY_UNKNOWN', 'error KEY_UNKNOWN']],
    ['is throttled', { throttle: true }, ['error THROTTLED', 'error THROTTLED']],
    ['is down', { drop: true }, ['error UNAVAILABLE', 'error UNAVAILABLE']],
    ['hangs', { hang: true }, ['error TIMEOUT', 'error TIMEOUT']],
  ]

  test.each(faults)('that one %s', async (_what, fault, expected) => {
    const remove = kms.faults.inject(fault)
    const { code, codes, findings } = await doctor(['Patient'], { deadline: 1000 })
    remove()
    expect(codes).toEqual([UNGUARDED, ...expected])
    expect(findings[1]).toMatchObject({ key: 'pii' })
    expect(code).toBe(expected[0]?.startsWith('error') ? 1 : 0)
  })

  test('that one is disabled', async () => {
    await admin.send(new DisableKeyCommand({ KeyId: arn }))
    const { codes } = await doctor()
    await admin.send(new EnableKeyCommand({ KeyId: arn }))
    expect(codes).toEqual([UNGUARDED, 'error KEY_DISABLED', 'error KEY_DISABLED'])
  })

  test('of the past: it has to unwrap what rows hold, and no more', async () => {
    const { arn: past } = await kms.createKey()
    const provider = awsKms({ name: 'past', keyId: past, client: admin })
    const old = extend(bare, { keys: { current: provider, others: [keys.current] }, indexKey })
    const { id } = await old.patient.create({ data: { email: 'old@example.org', fullName: 'Old', ward: 'A' } })
    const both = { keys: { pii: arn, past } }
    expect((await doctor(['Patient'], both)).codes).toEqual([UNGUARDED])

    await admin.send(new DisableKeyCommand({ KeyId: past }))
    const disabled = await doctor(['Patient'], both)
    await admin.send(new EnableKeyCommand({ KeyId: past }))
    expect(disabled.findings).toContainEqual(expect.objectContaining({ severity: 'error', code: 'KEY_DISABLED', key: 'past' }))

    // Another key under the name that rows have.
    const { arn: wrong } = await kms.createKey()
    const mixedUp = await doctor(['Patient'], { keys: { pii: arn, past: wrong } })
    expect(mixedUp.findings).toContainEqual(expect.objectContaining({ severity: 'error', key: 'past' }))
    expect(mixedUp.code).toBe(1)

    const { code, findings, result } = await doctor()
    expect(code).toBe(1)
    expect(findings.at(-1)).toMatchObject({
      code: 'KEY_NOT_IN_KEYRING',
      model: 'Patient',
      key: 'past',
      meaning: expect.stringMatching(/^1 rows/),
    })
    expect(result).toMatchObject({
      models: [
        {
          rows: 2,
          byKeys: expect.arrayContaining([
            { kids: ['pii'], rows: 1 },
            { kids: ['past'], rows: 1 },
          ]),
        },
      ],
    })

    // The same wrapped key by several KMS keys: one of them is enough.
    await sql(
      `UPDATE "Patient" SET envelope = jsonb_set(envelope, '{wk}', jsonb_build_array(jsonb_build_array('past', envelope -> 'wk'), '["pii", "AAAA"]'::jsonb)) WHERE id = $1`,
      [id],
    )
    expect((await doctor()).codes).not.toContain('error KEY_NOT_IN_KEYRING')
    expect(
      (
        await doctor(['Patient'], {
          keys: { other: wrong, third: past },
          indexKeys: [await createIndexKey({ current: awsKms({ name: 'other', keyId: wrong, client: admin }) })],
        })
      ).findings,
    ).toContainEqual(expect.objectContaining({ code: 'KEY_NOT_IN_KEYRING', key: 'past, pii' }))
    await sql('DELETE FROM "Patient" WHERE id = $1', [id])
  })

  test('that the next one may not seal, which is a warning until it is promoted', async () => {
    const { arn: next } = await kms.createKey()
    await admin.send(new DisableKeyCommand({ KeyId: next }))
    const { code, codes } = await doctor(['Patient'], { keys: { pii: arn, next } })
    expect(codes).toEqual([UNGUARDED, 'warning KEY_DISABLED'])
    expect(code).toBe(0)
  })

  test('that an envelope names no key', async () => {
    await sql(`UPDATE "Patient" SET envelope = envelope || '{"kid": "no name"}'`)
    const { codes, out } = await doctor()
    await sql(`UPDATE "Patient" SET envelope = envelope || '{"kid": "pii"}'`)
    expect(codes).toEqual([UNGUARDED, 'error ENVELOPE_DAMAGED'])
    expect(out).not.toContain('no name')
  })

  test('that tokens are of an index key that is not configured, and that one is damaged', async () => {
    const another = await createIndexKey(keys)
    const id = indexKey.current.split('.')[1]
    const unknown = await doctor(['Patient'], { indexKeys: [another] })
    expect(unknown.findings.at(-1)).toMatchObject({ code: 'INDEX_KEY_NOT_CONFIGURED', model: 'Patient', field: 'email', key: id })
    expect((await doctor(['Patient'], { indexKeys: [another, indexKey.current] })).codes).toEqual([UNGUARDED])

    const damaged = another.replace(`.${another.split('.')[1]}.`, '.AAAA.')
    const { code, findings } = await doctor(['Patient'], { indexKeys: [indexKey.current, damaged] })
    expect(code).toBe(1)
    expect(findings.at(-1)).toMatchObject({ code: 'INDEX_KEY_DAMAGED', key: 'AAAA' })
  })
})

test('looks at a sample of a huge table, if it is asked to', async () => {
  await sql(`INSERT INTO "GivenKey" (id, secret, envelope)
    SELECT n::text, '*', '{"v": 1, "kid": "elsewhere", "fs": "AAAAAAAA", "wk": "AAAA", "ct": "AAAA"}' FROM generate_series(1, 60000) n`)
  await sql('ANALYZE "GivenKey"')
  const sampled = await doctor(['GivenKey', '--estimate'])
  const { models } = sampled.result as { models: { rows: number; percent: number }[] }
  const [{ rows, percent } = { rows: 0, percent: 0 }] = models
  expect(percent).toBeCloseTo(100 / 3, 0)
  expect(rows).toBeGreaterThan(5_000)
  expect(rows).toBeLessThan(50_000)
  expect(sampled.codes).toContain('error KEY_NOT_IN_KEYRING')
  const exact = await doctor(['GivenKey'])
  expect(exact.result).toMatchObject({ models: [{ rows: 60_000, percent: 100 }] })
})

async function reader(name: string, grant: string): Promise<string> {
  await sql(`DROP ROLE IF EXISTS ${name}`)
  await sql(`CREATE ROLE ${name} LOGIN`)
  await sql(grant)
  const url = new URL(database.url)
  url.username = name
  return url.toString()
}

async function dropReader(name: string): Promise<void> {
  await sql(`DROP OWNED BY ${name}`)
  await sql(`DROP ROLE ${name}`)
}
