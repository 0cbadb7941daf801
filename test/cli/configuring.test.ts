import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEncryptedClient } from '../support/encrypted-client.ts'

const { database, sql, kms, arn, bare, indexKey } = await createEncryptedClient('cli-configuring')
const bin = fileURLToPath(new URL('../../packages/cli/bin/prisma-envelope-cli.js', import.meta.url))
const given = fileURLToPath(new URL('../support/envelope.config.ts', import.meta.url))

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'prisma-envelope-config-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

/** Runs the command line in a directory of these files, which is its home, too. */
async function runIn(files: Readonly<Record<string, string>>, args: readonly string[], url = database.url) {
  const directory = await mkdtemp(join(root, 'case-'))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true })
    await writeFile(join(directory, name), text)
  }
  const env = {
    ...process.env,
    NODE_NO_WARNINGS: '1',
    HOME: directory,
    XDG_CONFIG_HOME: directory,
    CLI_TEST_KMS_URL: kms.url,
    CLI_TEST_KMS_REGION: kms.region,
    CLI_TEST_KMS_ACCESS_KEY: kms.credentials.accessKeyId,
    CLI_TEST_KMS_SECRET_KEY: kms.credentials.secretAccessKey,
    CLI_TEST_KEYS: `pii=${arn}`,
    CLI_TEST_INDEX_KEYS: indexKey.current,
    CLI_TEST_DATABASE_URL: url,
  }
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    execFile(process.execPath, [bin, ...args], { cwd: directory, env }, (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
    )
  })
}

const encrypt = ['encrypt', 'Patient', '--json']
/** Of a file in another directory, over what the tests' own one exports. */
const over = (changes: string) => `import config from ${JSON.stringify(given)}\nexport default { ...config, ${changes} }\n`
const wrong = `{ "models": {}, "surprise": true }`

test('envelope.config.ts in the working directory is read, and what it imports', async () => {
  await bare.patient.create({ data: { id: 'a', email: 'a@example.org', fullName: 'A', ward: 'A' } })
  expect(await runIn({ 'envelope.config.ts': over('') }, encrypt)).toMatchObject({ code: 0, err: '' })
  expect(await sql(`SELECT "fullName" FROM "Patient"`)).toEqual([{ fullName: '*' }])
})

test.each<[string, Record<string, string>]>([
  ['rc files', { '.enveloperc': 'surprise=true', '.configrc': 'surprise=true', '.envelope.configrc': 'surprise=true' }],
  ['files of the package', { 'package.json': `{ "envelope": ${wrong}, "envelope.config": ${wrong}, "config": ${wrong} }` }],
  ['files of .config', { '.config/envelope.ts': `export default ${wrong}` }],
  ['.env', { '.env': 'CLI_TEST_KEYS=\nCLI_TEST_DATABASE_URL=postgresql://127.0.0.1:1/none\n' }],
])('%s are not read beside it', async (_title, files) => {
  expect(await runIn({ 'envelope.config.ts': over(''), ...files }, encrypt)).toMatchObject({ code: 0, err: '' })
})

test.each<[string, Record<string, string>, readonly string[], RegExp]>([
  ['no file', {}, encrypt, /there is no configuration at .*envelope.config.ts/],
  ['no file but an rc file', { '.enveloperc': 'surprise=true' }, encrypt, /there is no configuration/],
  ['no file of the name given', {}, ['--config', 'other.ts', ...encrypt], /there is no configuration at .*other.ts/],
  [
    'what the file throws',
    { 'envelope.config.ts': `throw new Error('my own reason')` },
    encrypt,
    /can't be loaded: my own reason/,
  ],
  ['an option that is not known', { 'envelope.config.ts': over('surprise: true') }, encrypt, /unknown option `surprise`/],
  ['an `extends`', { 'envelope.config.ts': over(`extends: 'github:nobody/nothing'`) }, encrypt, /unknown option `extends`/],
  ['no models', { 'envelope.config.ts': over('models: undefined') }, encrypt, /`models` of the configuration/],
  ['no keys', { 'envelope.config.ts': over('keys: {}') }, encrypt, /`keys.current` of the configuration/],
  ['no URL', { 'envelope.config.ts': over('database: {}') }, encrypt, /`database.url` of the configuration is missing/],
  ['what is no URL', { 'envelope.config.ts': over(`database: { url: 'localhost' }`) }, encrypt, /is no URL/],
  ['a command that is not known', { 'envelope.config.ts': over('') }, ['encript'], /unknown command/],
])('%s ends the command with 2 and the reason', async (_title, files, args, reason) => {
  const { code, out, err } = await runIn(files, args)
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(err).toMatch(reason)
})

describe('the command line overrides the file:', () => {
  const elsewhere = over(`database: { url: 'postgresql://127.0.0.1:1/none' }`)

  test('--database-url, with the parameters that Prisma gives it', async () => {
    await sql('CREATE SCHEMA other; CREATE TABLE other."UniqueOnly" (LIKE public."UniqueOnly" INCLUDING ALL)')
    await sql(
      `INSERT INTO other."UniqueOnly" VALUES ('here', 'secret'); INSERT INTO public."UniqueOnly" VALUES ('there', 'secret')`,
    )
    const url = new URL(database.url)
    for (const [name, value] of Object.entries({
      schema: 'other',
      connection_limit: '3',
      pool_timeout: '5',
      pgbouncer: 'true',
      sslmode: 'disable',
    }))
      url.searchParams.set(name, value)
    const args = ['encrypt', 'UniqueOnly', '--database-url', url.href, '--no-prepare', '--json']
    expect(await runIn({ 'envelope.config.ts': elsewhere }, args)).toMatchObject({ code: 0, err: '' })
    expect(
      await sql(`SELECT slug, secret FROM other."UniqueOnly" UNION SELECT slug, secret FROM public."UniqueOnly" ORDER BY slug`),
    ).toEqual([
      { slug: 'here', secret: '*' },
      { slug: 'there', secret: 'secret' },
    ])
  })

  test('--no-prepare leaves no statement behind in the session', async () => {
    await sql(`CREATE TABLE prepared (n int); CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO prepared SELECT count(*) FROM pg_prepared_statements WHERE name <> ''; RETURN NULL; END $$;
      CREATE TRIGGER look AFTER UPDATE ON public."UniqueOnly" FOR EACH STATEMENT EXECUTE FUNCTION look()`)
    expect(await runIn({ 'envelope.config.ts': over('') }, ['encrypt', 'UniqueOnly', '--no-prepare', '--json'])).toMatchObject({
      code: 0,
    })
    expect(await sql('SELECT n FROM prepared')).toEqual([{ n: 0 }])
  })
})

test.each([[[]], [['encrypt']], [['decrypt']]])('%j --help tells of options and exit codes', async (command) => {
  const { code, out, err } = await runIn({}, [...command, '--help'])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const options = ['--database-url', '--no-prepare', ...(command.length > 0 ? ['--workers', '--dry-run', '--pause-file'] : [])]
  expect(['Exit codes', ...options].filter((text) => !out.includes(text))).toEqual([])
})
