import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { type CliResult, runCli, startCli } from '../support/cli.ts'
import { createEncryptedClient } from '../support/encrypted-client.ts'
import { applyMigrations, execute } from '../support/migrations.ts'

const { database, sql, kms, arn, bare, prisma, indexKey } = await createEncryptedClient('cli-guarding')
const setup = { databaseUrl: database.url, kms, keys: { pii: arn }, indexKeys: [indexKey.current] }

const guard = (...args: string[]): Promise<CliResult> => runCli(setup, ['guard', ...args])
const encrypt = (...args: string[]): Promise<CliResult> => runCli(setup, ['encrypt', ...args])

interface Constraint extends Record<string, unknown> {
  readonly name: string
  readonly validated: boolean
  readonly comment: string | null
}

const constraints = (table = 'Patient'): Promise<Constraint[]> =>
  sql<Constraint>(
    `SELECT conname AS name, convalidated AS validated, obj_description(oid, 'pg_constraint') AS comment FROM pg_constraint
     WHERE conrelid = $1::regclass AND starts_with(conname, 'envelope_guard_') ORDER BY conname`,
    [`"${table}"`],
  )

const PATIENT = ['birthDate', 'email', 'envelope', 'fullName', 'history', 'notes', 'ssn'].map(
  (column) => `envelope_guard_Patient_${column}`,
)
const ADA = { email: 'ada@example.org', fullName: 'Ada Lovelace', ward: 'B2' }

beforeEach(async () => {
  const found = await constraints()
  for (const { name } of found) await sql(`ALTER TABLE "Patient" DROP CONSTRAINT "${name}"`)
  await sql('TRUNCATE "Patient" CASCADE')
})

describe('the SQL that it prints', () => {
  test('adds constraints that hold for all rows, when it is run as a script', async () => {
    await prisma.patient.create({ data: ADA })
    const { code, out } = await guard('Patient')
    expect(code).toBe(0)
    expect(await constraints()).toEqual([])
    await execute(database.url, out)
    expect((await constraints()).map(({ name, validated }) => [name, validated])).toEqual(PATIENT.map((name) => [name, true]))
    // As often as one likes.
    await execute(database.url, out)
    const { result } = await guard('Patient', '--apply', '--json')
    expect(result).toMatchObject({ models: [{ model: 'Patient', added: 0, validated: 0, dropped: 0 }] })
  })

  test('takes them back with --drop', async () => {
    await guard('Patient', '--apply')
    const { code, out } = await guard('Patient', '--drop')
    expect(code).toBe(0)
    await execute(database.url, out)
    expect(await constraints()).toEqual([])
  })

  test('needs no database', async () => {
    const { code, result } = await guard('Patient', '--json', '--database-url', 'postgresql://nobody@127.0.0.1:1/none')
    expect(code).toBe(0)
    expect(result?.['sql']).toContain('NOT VALID')
  })
})

describe('--apply', () => {
  test('refuses while rows are in plaintext, counts them, and names the command to run', async () => {
    await prisma.patient.create({ data: ADA })
    await bare.patient.createMany({
      data: [1, 2, 3].map((n) => ({ email: `p${n}`, fullName: `N${n}`, ward: 'A', notes: n > 1 ? '*' : null })),
    })
    const { code, result, out } = await guard('--apply', '--json')
    expect(code).toBe(1)
    expect(result).toMatchObject({
      applied: false,
      refused: [{ model: 'Patient', rows: 3, byField: { email: 3, fullName: 3, envelope: 3 } }],
    })
    expect((await guard('Patient', '--apply')).out).toContain('prisma-envelope-cli encrypt Patient')
    expect(out).not.toContain('N1')
    expect(await constraints()).toEqual([])
    expect(await constraints('Contact')).toEqual([])

    expect(await encrypt('Patient')).toMatchObject({ code: 0 })
    expect(await guard('Patient', '--apply')).toMatchObject({ code: 0 })
    expect((await constraints()).every(({ validated }) => validated)).toBe(true)
  })

  test('validates what an earlier run has added and could not validate', async () => {
    const { out } = await guard('Patient')
    await execute(database.url, out.slice(0, out.indexOf('COMMIT;') + 'COMMIT;'.length))
    expect((await constraints()).some(({ validated }) => validated)).toBe(false)
    const { code, result } = await guard('Patient', '--apply', '--json')
    expect(code).toBe(0)
    expect(result).toMatchObject({ models: [{ added: 0, validated: 7 }] })
    expect((await constraints()).every(({ validated }) => validated)).toBe(true)
  })

  test('replaces a constraint of another definition, and drops what nothing asks for any more', async () => {
    await guard('Patient', '--apply')
    const before = await constraints()
    await sql(`ALTER TABLE "Patient" DROP CONSTRAINT "envelope_guard_Patient_notes",
      ADD CONSTRAINT "envelope_guard_Patient_notes" CHECK (notes IS NULL OR notes = 'older'),
      ADD CONSTRAINT "envelope_guard_Patient_renamed" CHECK (ward <> 'x')`)
    const { code, result } = await guard('Patient', '--apply', '--json')
    expect(code).toBe(0)
    expect(result).toMatchObject({ models: [{ added: 1, validated: 1, dropped: 1 }] })
    expect(await constraints()).toEqual(before)
    await prisma.patient.create({ data: { ...ADA, notes: 'a note' } })
  })

  test('guards one more field of a model beside the others, and takes that one back alone', async () => {
    await prisma.patient.create({ data: ADA })
    await sql(`UPDATE "Patient" SET ssn = '111-11-1111'`)
    expect(await guard('Patient.fullName', 'Patient.email', '--apply')).toMatchObject({ code: 0 })
    const names = (await constraints()).map(({ name }) => name)
    expect(names).toEqual(['email', 'envelope', 'fullName'].map((column) => `envelope_guard_Patient_${column}`))
    expect(await guard('Patient.ssn', '--apply')).toMatchObject({ code: 1 })
    // The command that moves the field works beside the guards of the others.
    expect(await encrypt('Patient.ssn')).toMatchObject({ code: 0 })
    expect(await guard('Patient.ssn', '--apply')).toMatchObject({ code: 0 })
    expect(await guard('Patient.ssn', '--drop', '--apply')).toMatchObject({ code: 0 })
    expect((await constraints()).map(({ name }) => name)).toEqual(names)
    expect(await guard('Patient', '--drop', '--apply')).toMatchObject({ code: 0 })
    expect(await constraints()).toEqual([])
    expect(await prisma.patient.findFirst()).toMatchObject({ ...ADA, ssn: '111-11-1111' })
  })

  test('takes its constraints back where rows in plaintext were written meanwhile', async () => {
    const writer = postgres(database.url, { max: 1 })
    let running: ReturnType<typeof startCli> | undefined
    await writer.begin(async (transaction) => {
      await transaction`INSERT INTO "Patient" (id, email, "fullName", ward) VALUES ('late', 'late@example.org', 'Late', 'A')`
      running = startCli(setup, ['guard', 'Patient', '--apply', '--json'])
      await waitingForLock()
    })
    await writer.end()
    const ended = (await running?.ended) as CliResult
    const { code, result, out } = ended
    expect(code).toBe(1)
    expect(result).toMatchObject({ applied: false, models: [{ model: 'Patient', overtaken: true }] })
    expect(out).not.toContain('late@example.org')
    expect(await constraints()).toEqual([])
    await bare.patient.update({ where: { id: 'late' }, data: { ward: 'B' } })
  })

  test('waits for a lock a few seconds at a time, so that others are not queued behind it', async () => {
    const reader = postgres(database.url, { max: 1 })
    let running: ReturnType<typeof startCli> | undefined
    await reader.begin(async (transaction) => {
      await transaction`SELECT count(*) FROM "Patient"`
      running = startCli(setup, ['guard', 'Patient', '--apply', '--json'])
      await new Promise<void>((resolve) => {
        running?.process.stdout?.on('data', (text: string) => text.includes('55P03') && resolve())
      })
    })
    await reader.end()
    expect(await running?.ended).toMatchObject({ code: 0 })
    expect(await constraints()).toHaveLength(7)
  })

  test('by a user who does not own the table changes nothing, and says so', async () => {
    await sql(`DROP ROLE IF EXISTS guard_reader`)
    await sql(`CREATE ROLE guard_reader LOGIN`)
    await sql(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO guard_reader`)
    const url = new URL(database.url)
    url.username = 'guard_reader'
    const { code, err } = await guard('Patient', '--apply', '--database-url', url.toString())
    expect(code).toBe(1)
    expect(err).toContain('42501')
    expect(await constraints()).toEqual([])
    await sql(`DROP OWNED BY guard_reader`)
    await sql(`DROP ROLE guard_reader`)
  })

  test('and --migration at once are refused, and so is a table that is not there', async () => {
    expect(await guard('--apply', '--migration', 'x')).toMatchObject({ code: 2 })
    await sql('ALTER TABLE "GivenKey" RENAME TO given_away')
    const { code, err } = await guard('GivenKey', '--apply')
    await sql('ALTER TABLE given_away RENAME TO "GivenKey"')
    expect(code).toBe(2)
    expect(err).toContain('GivenKey')
  })

  async function waitingForLock(): Promise<void> {
    const waiting = (): Promise<unknown[]> =>
      sql(`SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.application_name = 'prisma-envelope-cli'
           AND a.datname = current_database()`)
    await expect.poll(waiting, { timeout: 30_000 }).toHaveLength(1)
  }
})

test('what the command line itself writes passes the guards, whatever the type of the column', async () => {
  const native = {
    text: 'a',
    varChar: 'b',
    char: 'c',
    uuid: randomUUID(),
    smallInt: 1,
    integer: 2,
    bigInt: 3n,
    real: 1.5,
    doublePrecision: 2.5,
  }
  const day = new Date('2020-02-29T08:30:00Z')
  const days = { timestamp: day, timestampSecond: day, timestamptz: day, date: day, time: day }
  const rest = { decimal: 1.25, boolean: true, json: { a: 1 }, jsonB: [1], byteA: new Uint8Array([1]), searchVarChar: 'find me' }
  await bare.nativeTypes.create({ data: { ...native, ...days, ...rest, uuidList: [randomUUID()], decimalList: [1.5] } })
  await bare.nativeTypes.create({ data: {} })
  const all = {
    string: 'a',
    int: 1,
    bigInt: 1n,
    float: 1,
    decimal: 1,
    boolean: true,
    dateTime: day,
    json: [],
    bytes: new Uint8Array([1]),
  }
  const lists = { stringList: ['a'], intList: [1], jsonList: [{}], moodList: ['SAD' as const], dateTimeList: [day] }
  await bare.allTypes.create({ data: { ...all, ...lists, mood: 'SAD', moodOpt: 'EXCITED', jsonOpt: 5 } })
  await bare.contact.create({ data: { email: 'a@b', familyName: 'A', street: 'S' } })
  const models = ['AllTypes', 'NativeTypes', 'Contact']
  expect(await guard(...models, '--apply')).toMatchObject({ code: 1 })
  expect(await encrypt(...models)).toMatchObject({ code: 0 })
  expect(await guard(...models, '--apply')).toMatchObject({ code: 0 })
  expect(await prisma.nativeTypes.findFirst({ where: { searchVarChar: 'find me' } })).toMatchObject({
    ...native,
    char: 'c         ',
  })
  await guard(...models, '--drop', '--apply')
})

describe('--migration', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'guard-migrations-'))
  afterAll(() => rm(folder, { recursive: true }))

  const migrate = async (name: string, ...args: string[]) => {
    const directory = join(folder, name)
    const answer = await guard('Patient', '--migration', name, '--migrations', directory, '--json', ...args)
    const [made = ''] = await readdir(directory)
    return { ...answer, directory, made, text: await readFile(join(directory, made, 'migration.sql'), 'utf8') }
  }

  test('writes a migration that Prisma Migrate finds, and one that takes it back', async () => {
    const { code, made, directory } = await migrate('guard_patients')
    expect(code).toBe(0)
    expect(made).toMatch(/^\d{14}_guard_patients$/)
    await applyMigrations(database.url, directory)
    expect((await constraints()).map(({ name, validated }) => [name, validated])).toEqual(PATIENT.map((name) => [name, true]))
    const back = await migrate('unguard_patients', '--drop')
    expect(back.code).toBe(0)
    await applyMigrations(database.url, back.directory)
    expect(await constraints()).toEqual([])
  })

  test('says in the file and on the terminal which rows would be refused', async () => {
    await bare.patient.create({ data: ADA })
    const { code, text, result } = await migrate('too_early')
    expect(code).toBe(1)
    expect(text).toContain('-- Patient: 1 rows would be refused (email: 1, fullName: 1, envelope: 1)')
    expect(text).toContain('encrypt Patient')
    expect(result).toMatchObject({ refused: [{ model: 'Patient', rows: 1 }] })
    expect(text).not.toContain(ADA.fullName)
  })

  test('is written without a database too, and then says that nobody looked', async () => {
    const { code, text } = await migrate('offline', '--database-url', 'postgresql://nobody@127.0.0.1:1/none')
    expect(code).toBe(0)
    expect(text).toContain('No database could be asked')
    await execute(database.url, text)
    expect(await constraints()).toHaveLength(7)
  })

  test('refuses a name that is none', async () => {
    expect(await guard('--migration', '../up', '--migrations', folder)).toMatchObject({ code: 2 })
  })
})

describe('a guarded table', () => {
  test('refuses the write of a client without the extension, as the README shows', async () => {
    await guard('Patient', '--apply')
    const statement = `INSERT INTO "Patient" (id, email, "fullName", ward) VALUES ('1', 'ada@example.org', 'Ada Lovelace', 'B2')`
    const error = await sql(statement).then(
      () => expect.fail('it was written'),
      (thrown: unknown) => thrown as Error & { code: string; detail: string; severity: string },
    )
    expect(error.code).toBe('23514')
    // PostgreSQL gives the row away, to the client and to its log.
    expect(error.detail).toContain('Ada Lovelace')
    const prismaError = await bare.patient.create({ data: { id: '1', ...ADA } }).then(
      () => expect.fail('it was written'),
      (thrown: unknown) => thrown as Error,
    )
    const readme = await readFile(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8')
    expect(readme).toContain(`${statement};\n${error.severity}:  ${error.message}\nDETAIL:  ${error.detail.split('(')[0]}`)
    expect(prismaError.message).toContain(error.message)
    expect(await prisma.patient.count()).toBe(0)
    await prisma.patient.create({ data: { id: '1', ...ADA } })
  })

  test('refuses plaintext in columns of types that the schema does not name: citext, domains, char', async () => {
    await sql('CREATE EXTENSION IF NOT EXISTS citext')
    await sql(`CREATE DOMAIN short_text AS text CHECK (length(value) < 100)`)
    await sql(
      `ALTER TABLE "Contact" ALTER "street" TYPE citext, ALTER "familyName" TYPE short_text, ALTER "backupEmail" TYPE char(60)`,
    )
    expect(await guard('Contact', '--apply')).toMatchObject({ code: 0 })
    const { id } = await prisma.contact.create({ data: { email: 'a@b', familyName: 'Own', street: 'Street' } })
    const set = (column: string, value: string) => sql(`UPDATE "Contact" SET "${column}" = $1 WHERE id = ${id}`, [value])
    await set('backupEmail', `~abcd.${'A'.repeat(43)}`)
    await set('street', 'hidden')
    // Equal under citext, and yet not what the extension writes.
    for (const [column, value] of [
      ['street', 'HIDDEN'],
      ['familyName', 'Own'],
      ['backupEmail', 'c@d'],
    ] as const)
      await expect(set(column, value)).rejects.toMatchObject({ code: '23514' })
  })

  test('may be partitioned: every partition refuses, those that are made later too', async () => {
    await sql('ALTER TABLE "UniqueOnly" RENAME TO unpartitioned')
    await sql(
      `CREATE TABLE "UniqueOnly" (slug text NOT NULL UNIQUE, secret text NOT NULL, envelope jsonb) PARTITION BY LIST (slug)`,
    )
    await sql(`CREATE TABLE first_part PARTITION OF "UniqueOnly" FOR VALUES IN ('a')`)
    await prisma.uniqueOnly.create({ data: { slug: 'a', secret: 'sealed' } })
    const { code, result } = await guard('UniqueOnly', '--apply', '--json')
    expect(code).toBe(0)
    expect(result).toMatchObject({ models: [{ added: 2, validated: 2 }] })
    await sql(`CREATE TABLE second_part PARTITION OF "UniqueOnly" FOR VALUES IN ('b')`)
    await prisma.uniqueOnly.create({ data: { slug: 'b', secret: 'sealed' } })
    for (const part of ['first_part', 'second_part'])
      await expect(sql(`UPDATE ${part} SET secret = 'plain'`)).rejects.toMatchObject({ code: '23514' })
    expect(await guard('UniqueOnly', '--drop', '--apply')).toMatchObject({ code: 0 })
    await sql(`UPDATE first_part SET secret = 'plain'`)
  })
})
