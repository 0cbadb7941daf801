import { afterEach, describe, expect, test } from 'vitest'
import { type CliSetup, runCli } from '../support/cli.ts'
import { createEncryptedClient } from '../support/encrypted-client.ts'

const { database, sql, kms, arn, bare, prisma, indexKey } = await createEncryptedClient('cli-refusals')
const setup: CliSetup = { databaseUrl: database.url, kms, keys: { pii: arn }, indexKeys: [indexKey.current] }

afterEach(() => sql(`TRUNCATE "Patient", all_types, native_types, "UniqueOnly", "GivenKey" CASCADE`))

const patient = (id: string, more: object = {}) => ({
  id,
  email: `${id}@example.org`,
  fullName: id.toUpperCase(),
  ward: 'A',
  ...more,
})

interface Found {
  readonly field?: string
  readonly primaryKey: Readonly<Record<string, string>>
  readonly code: string
}

async function encrypt(...args: readonly string[]) {
  const { code, err, out, events, result } = await runCli(setup, ['encrypt', ...args, '--json'])
  const found = events.filter(({ event }) => event === 'finding') as unknown as Found[]
  return { code, err, out, found, models: (result?.['models'] ?? []) as { model: string; written: number; refused: number }[] }
}

describe('rows that can not be moved are reported, and left as they were, without failing their batch:', () => {
  const textOf = (table: string) => sql(`SELECT t::text FROM ${table} AS t ORDER BY 1`)

  test.each<[string, string, string, string]>([
    ['infinity', 'timestamp', `'infinity'`, 'INVALID_VALUE'],
    ['a date before the year 1', 'date', `'0044-03-15 BC'`, 'INVALID_VALUE'],
    ['microseconds', 'timestamptz', `'2024-02-29 12:00:00.123456+00'`, 'INVALID_VALUE'],
    ['more digits than a double has', '"jsonB"', `'{"n": 12345678901234567890.5}'`, 'INVALID_VALUE'],
    ['-0', '"doublePrecision"', `'-0'`, 'INVALID_VALUE'],
    ['NULL within a list', '"uuidList"', `ARRAY[NULL]::uuid[]`, 'INVALID_VALUE'],
    ['a list of two dimensions', '"decimalList"', `'{{1,2},{3,4}}'`, 'INVALID_VALUE'],
    ['what looks like a token', '"searchVarChar"', `'~abcd.' || repeat('A', 43)`, 'FOREIGN_WRITE'],
  ])('%s', async (_title, column, value, code) => {
    await sql(`INSERT INTO native_types (id, ${column}) VALUES (1, ${value})`)
    await sql(`INSERT INTO native_types (id, text) VALUES (2, 'good')`)
    const before = await textOf('(SELECT * FROM native_types WHERE id = 1)')
    const result = await encrypt('NativeTypes')
    expect(result).toMatchObject({ code: 1, models: [{ written: 1, refused: 1 }] })
    expect(result.found).toMatchObject([{ primaryKey: { id: '1' }, field: column.replaceAll('"', ''), code }])
    expect(await textOf('(SELECT * FROM native_types WHERE id = 1)')).toEqual(before)
    expect((await bare.nativeTypes.findUnique({ where: { id: 2 } }))?.text).toBe('*')
  })

  test('a label that the schema does not know', async () => {
    await sql(`ALTER TYPE mood ADD VALUE IF NOT EXISTS 'furious'`)
    await sql(`INSERT INTO all_types (string, int, "bigInt", float, decimal, boolean, "dateTime", json, bytes, mood)
      VALUES ('secret', 1, 1, 1, 1, true, now()::timestamp(3), '{}', '', 'furious')`)
    const result = await encrypt('AllTypes')
    expect(result).toMatchObject({ code: 1, found: [{ field: 'mood', code: 'INVALID_VALUE' }] })
    expect(result.out).not.toContain('furious')
  })

  test('microseconds are taken as Prisma Client reads them where that is allowed', async () => {
    await sql(`INSERT INTO native_types (id, timestamptz) VALUES (1, '2024-02-29 12:00:00.123456+00')`)
    expect(await encrypt('NativeTypes', '--allow-precision-loss')).toMatchObject({ code: 0, found: [] })
    expect((await prisma.nativeTypes.findUnique({ where: { id: 1 } }))?.timestamptz).toEqual(new Date('2024-02-29T12:00:00.123Z'))
  })

  test.each([
    ['at once', 'SELECT 1', []],
    ['row by row', 'SELECT 1', ['--batch', '1']],
    ['at the end of a transaction', 'ALTER TABLE "Patient" ADD CONSTRAINT late UNIQUE (email) DEFERRABLE INITIALLY DEFERRED', []],
  ])('values that become equal, which a unique index finds %s', async (_title, prepare, args) => {
    await sql(prepare)
    if (prepare.includes('late')) await sql('DROP INDEX "Patient_email_key"')
    await bare.patient.createMany({
      data: [
        patient('a'),
        patient('b', { email: 'same@example.org' }),
        patient('c'),
        patient('d', { email: 'Same@example.org ' }),
        patient('e'),
      ],
    })
    const { code, found, models, out } = await encrypt('Patient', ...args)
    if (prepare.includes('late')) {
      await sql('ALTER TABLE "Patient" DROP CONSTRAINT late')
      await sql('TRUNCATE "Patient" CASCADE; CREATE UNIQUE INDEX "Patient_email_key" ON "Patient" (email)')
    }
    expect({ code, models }).toMatchObject({ code: 1, models: [{ written: 4, refused: 1 }] })
    expect(found).toHaveLength(1)
    expect(found).toMatchObject([{ code: 'COLLISION', primaryKey: { id: expect.stringMatching(/^[bd]$/) } }])
    expect(out).not.toContain('ame@example.org')
  })

  test('a dry run finds what would collide, across batches and with rows that are done, and writes nothing', async () => {
    await prisma.patient.create({ data: patient('sealed', { email: 'Sealed@example.org' }) })
    const [one, two] = await Promise.all([1, 2].map((n) => bare.tenant.create({ data: { name: String(n) } })))
    await bare.patient.createMany({
      data: [
        ...Array.from({ length: 9 }, (_, i) => patient(`p${i}`)),
        patient('twin', { email: ' P0@example.org' }),
        patient('late', { email: 'SEALED@example.org' }),
      ],
    })
    await bare.member.createMany({
      data: [
        { id: 'a', tenantId: one?.id ?? 0, email: 'same@example.org' },
        { id: 'b', tenantId: two?.id ?? 0, email: 'same@example.org' },
        { id: 'c', tenantId: two?.id ?? 0, email: 'Same@example.org' },
      ],
    })
    const before = await textOf('"Patient"')
    const dry = await encrypt('Patient', 'Member', '--dry-run', '--batch', '2')
    expect(dry).toMatchObject({
      code: 1,
      models: [
        { written: 9, refused: 2 },
        { written: 2, refused: 1 },
      ],
    })
    expect(dry.found.map(({ code, primaryKey }) => `${code} ${primaryKey['id']}`).sort()).toEqual([
      'COLLISION c',
      'COLLISION late',
      'COLLISION twin',
    ])
    expect(await textOf('"Patient"')).toEqual(before)
    expect(await encrypt('Patient', 'Member', '--batch', '2')).toMatchObject({
      models: dry.models.map(({ written, refused }) => ({ written, refused })),
    })
    await sql('TRUNCATE "Tenant" CASCADE')
  })

  const trigger = (body: string) =>
    sql(`CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id = 'b' THEN ${body} END IF; RETURN NEW; END $$;
      CREATE TRIGGER meddle BEFORE UPDATE ON "Patient" FOR EACH ROW EXECUTE FUNCTION meddle()`)

  test.each<[string, () => Promise<unknown>, string, string]>([
    [
      'what a CHECK refuses',
      () => sql(`ALTER TABLE "Patient" ADD CONSTRAINT meddle CHECK (id <> 'b' OR "fullName" <> '*')`),
      'ALTER TABLE "Patient" DROP CONSTRAINT meddle',
      'REFUSED',
    ],
    [
      'what a trigger raises',
      () => trigger(`RAISE EXCEPTION 'no %', NEW."fullName";`),
      'DROP FUNCTION meddle() CASCADE',
      'REFUSED',
    ],
    [
      'what a trigger raises by a code of its own',
      () => trigger(`RAISE SQLSTATE 'MY001';`),
      'DROP FUNCTION meddle() CASCADE',
      'REFUSED',
    ],
    ['what a trigger keeps back', () => trigger('RETURN NULL;'), 'DROP FUNCTION meddle() CASCADE', 'KEPT_BACK'],
    ['what a trigger changes', () => trigger(`NEW."fullName" := 'changed';`), 'DROP FUNCTION meddle() CASCADE', 'ALTERED'],
    [
      'an envelope that a trigger changes',
      () => trigger(`NEW.envelope := NEW.envelope || '{"x": 1}';`),
      'DROP FUNCTION meddle() CASCADE',
      'ALTERED',
    ],
  ])('%s', async (_title, prepare, undo, code) => {
    await bare.patient.createMany({ data: ['a', 'b', 'c'].map((id) => patient(id)) })
    await prepare()
    const result = await encrypt('Patient')
    await sql(undo)
    expect(result).toMatchObject({ code: 1, models: [{ written: 2, refused: 1 }], found: [{ primaryKey: { id: 'b' }, code }] })
    expect(result.out + result.err).not.toContain('no *')
    expect(await bare.patient.findUnique({ where: { id: 'b' } })).toMatchObject({ fullName: 'B', email: 'b@example.org' })
    expect(await encrypt('Patient')).toMatchObject({ code: 0, models: [{ written: 1 }] })
  })
})

describe('what can not work ends before a row is touched, in any of the models:', () => {
  const replaced = (table: string, by: string, back: string) => ({
    prepare: `ALTER TABLE "${table}" RENAME TO kept; ${by}`,
    undo: `${back}; ALTER TABLE kept RENAME TO "${table}"`,
  })
  const role = new URL(database.url)
  role.username = 'cli_reader'

  test.each<[string, { prepare: string; undo: string; url?: string; args?: readonly string[] }, RegExp]>([
    [
      'no table',
      { prepare: 'ALTER TABLE "UniqueOnly" RENAME TO kept', undo: 'ALTER TABLE kept RENAME TO "UniqueOnly"' },
      /no table "UniqueOnly"/,
    ],
    [
      'no column',
      { prepare: 'ALTER TABLE "UniqueOnly" RENAME secret TO kept', undo: 'ALTER TABLE "UniqueOnly" RENAME kept TO secret' },
      /no column "secret"/,
    ],
    [
      'no unique key',
      { prepare: 'DROP INDEX "UniqueOnly_slug_key"', undo: 'CREATE UNIQUE INDEX "UniqueOnly_slug_key" ON "UniqueOnly" (slug)' },
      /no primary key, and no unique key/,
    ],
    [
      'a unique key that holds NULL',
      { prepare: 'ALTER TABLE "UniqueOnly" ALTER slug DROP NOT NULL', undo: 'ALTER TABLE "UniqueOnly" ALTER slug SET NOT NULL' },
      /no primary key, and no unique key/,
    ],
    ['a view', replaced('UniqueOnly', 'CREATE VIEW "UniqueOnly" AS SELECT * FROM kept', 'DROP VIEW "UniqueOnly"'), /is a view/],
    ['inheritance', { prepare: 'CREATE TABLE child () INHERITS ("UniqueOnly")', undo: 'DROP TABLE child' }, /inheritance/],
    [
      'a column that the database generates',
      {
        prepare: `ALTER TABLE "UniqueOnly" RENAME secret TO kept; ALTER TABLE "UniqueOnly" ADD secret text GENERATED ALWAYS AS (slug) STORED`,
        undo: 'ALTER TABLE "UniqueOnly" DROP secret; ALTER TABLE "UniqueOnly" RENAME kept TO secret',
      },
      /UniqueOnly.secret: the database generates/,
    ],
    [
      'a user who may only read',
      {
        prepare: 'CREATE ROLE cli_reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO cli_reader',
        undo: 'DROP OWNED BY cli_reader; DROP ROLE cli_reader',
        url: role.href,
      },
      /may not write .*GRANT UPDATE/,
    ],
    [
      'row-level security',
      {
        prepare:
          'CREATE ROLE cli_reader LOGIN; GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA public TO cli_reader; ALTER TABLE "UniqueOnly" ENABLE ROW LEVEL SECURITY',
        undo: 'ALTER TABLE "UniqueOnly" DISABLE ROW LEVEL SECURITY; DROP OWNED BY cli_reader; DROP ROLE cli_reader',
        url: role.href,
      },
      /row-level security/,
    ],
  ])('%s', async (_title, { prepare, undo, url }, wanted) => {
    await bare.patient.create({ data: patient('a') })
    await sql(prepare)
    const { code, err, out } = await runCli({ ...setup, databaseUrl: url ?? setup.databaseUrl }, [
      'encrypt',
      'Patient',
      'UniqueOnly',
      '--json',
    ])
    await sql(undo)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toMatch(wanted)
    expect(await bare.patient.findUnique({ where: { id: 'a' } })).toMatchObject({ fullName: 'A' })
  })

  test('a dry run needs no more than to read', async () => {
    await bare.patient.create({ data: patient('a') })
    await sql('CREATE ROLE cli_reader LOGIN; GRANT SELECT ON "Patient" TO cli_reader')
    const { code, result } = await runCli({ ...setup, databaseUrl: role.href }, ['encrypt', 'Patient', '--dry-run', '--json'])
    await sql('DROP OWNED BY cli_reader; DROP ROLE cli_reader')
    expect({ code, result }).toMatchObject({ code: 0, result: { dryRun: true, models: [{ written: 1, refused: 0 }] } })
    expect(await bare.patient.findUnique({ where: { id: 'a' } })).toMatchObject({ fullName: 'A' })
  })

  test.each([
    [['Nobody'], /Nobody is no model/],
    [['Patient.ward'], /Patient.ward is no encrypted field/],
    [['Patient', '--batch', '0'], /whole number/],
    [['Patient', '--max-replication-lag', 'much'], /number of seconds/],
  ])('%j', async (args, wanted) => {
    expect(await encrypt(...args)).toMatchObject({ code: 2, err: expect.stringMatching(wanted) })
  })
})

describe('tables of other shapes:', () => {
  test('partitions, and a key of two columns', async () => {
    await sql(`ALTER TABLE "CompoundKey" RENAME TO kept;
      CREATE TABLE "CompoundKey" (region text, number int, secret text NOT NULL, envelope jsonb, PRIMARY KEY (region, number)) PARTITION BY LIST (region);
      CREATE TABLE part_a PARTITION OF "CompoundKey" FOR VALUES IN ('a'); CREATE TABLE part_b PARTITION OF "CompoundKey" FOR VALUES IN ('b')`)
    await sql(`INSERT INTO "CompoundKey" SELECT r, i, r || i FROM unnest(ARRAY['a', 'b']) r, generate_series(1, 30) i`)
    expect(await encrypt('CompoundKey', '--batch', '7', '--workers', '2')).toMatchObject({ code: 0, models: [{ written: 60 }] })
    expect((await prisma.compoundKey.findMany()).map(({ region, number, secret }) => secret === `${region}${number}`)).toEqual(
      Array(60).fill(true),
    )
    await sql('DROP TABLE "CompoundKey"; ALTER TABLE kept RENAME TO "CompoundKey"')
  })

  test('a key under a collation that tells no case', async () => {
    await sql(`CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`)
    await sql('ALTER TABLE "GivenKey" ALTER id TYPE text COLLATE caseless')
    await sql(
      `INSERT INTO "GivenKey" SELECT chr(97 + i % 26) || CASE WHEN i % 2 = 0 THEN 'Ä' ELSE 'b' END || i, 'secret' FROM generate_series(1, 50) i`,
    )
    expect(await encrypt('GivenKey', '--batch', '3')).toMatchObject({ code: 0, models: [{ written: 50 }] })
    expect(await sql(`SELECT count(*)::int AS n FROM "GivenKey" WHERE secret = '*'`)).toEqual([{ n: 50 }])
    await sql('ALTER TABLE "GivenKey" ALTER id TYPE text COLLATE "default"')
  })

  test('of the rows that --limit allows, only those that are written count', async () => {
    await bare.patient.createMany({ data: Array.from({ length: 20 }, (_, i) => patient(`p${i}`)) })
    await sql(`ALTER TABLE "Patient" ADD CONSTRAINT meddle CHECK (id NOT IN ('p0', 'p1') OR "fullName" <> '*')`)
    for (const written of [5, 5, 5])
      expect(await encrypt('Patient', '--limit', '5')).toMatchObject({ models: [{ written, complete: false }] })
    expect(await encrypt('Patient', '--limit', '5')).toMatchObject({ code: 1, models: [{ written: 3, refused: 2 }] })
    await sql('ALTER TABLE "Patient" DROP CONSTRAINT meddle')
  })

  test('of a field alone, the others stay plain until their turn', async () => {
    await bare.patient.create({ data: patient('a', { notes: 'N', ssn: '1' }) })
    expect((await encrypt('Patient.notes')).code).toBe(0)
    expect(await bare.patient.findUnique({ where: { id: 'a' } })).toMatchObject({ fullName: 'A', ssn: '1', notes: '*' })
    expect(await encrypt('Patient.notes')).toMatchObject({ models: [{ written: 0 }] })
    expect((await encrypt('Patient')).code).toBe(0)
    expect(await prisma.patient.findUnique({ where: { id: 'a' } })).toMatchObject({ fullName: 'A', ssn: '1', notes: 'N' })
    expect(await bare.patient.findUnique({ where: { id: 'a' } })).toMatchObject({ fullName: '*', notes: '*' })
  })
})
