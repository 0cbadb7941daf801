import { readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { createProject, type Major, type Project, run } from '../test/project.ts'

const BIN = resolve(import.meta.dirname, '../bin/prisma-envelope.js')

const projects: Project[] = []
afterEach(async () => {
  for (const project of projects.splice(0)) await project.remove()
})

async function project(major: Major, files: Readonly<Record<string, string>>): Promise<Project> {
  const created = await createProject(major)
  projects.push(created)
  for (const [path, text] of Object.entries(files)) await created.write(path, text)
  return created
}

const datasource = (major: Major, more = '') => `
datasource db {
  provider = "postgresql"
  ${major === 6 ? 'url = env("DATABASE_URL")' : ''}
  ${more}
}
`

const envelope = (more = '') => `
generator envelope {
  provider = "prisma-envelope"
  output   = "../generated/envelope"
  ${more}
}
`

const client = (provider: string, more = '') => `
generator client {
  provider = "${provider}"
  output   = "../generated/prisma"
  ${more}
}
`

const PATIENT = `
model Patient {
  id         String      @id @default(uuid())
  /// @encrypted(searchable)
  email      String      @unique
  /// @encrypted
  note       String?
  conditions Condition[]
  /// @envelope
  envelope   Json?
}
`

const CONDITION = `
model Condition {
  id        String  @id @default(cuid())
  /// @encrypted
  text      String
  patientId String
  patient   Patient @relation(fields: [patientId], references: [id])
  /// @envelope(bind: [patientId])
  envelope  Json?
}

model Ward {
  id Int @id
}
`

const STRICT = `
model Patient {
  id         String      @id @default(uuid())
  /// @encrypted(searchable)
  email      String      @unique
  /// @encrypted
  note       String?
  /// @encrypted
  born       DateTime?
  /// @encrypted
  age        Int
  /// @encrypted
  tags       String[]
  /// @encrypted
  history    Json?
  conditions Condition[]
  wardId     Int
  ward       Ward        @relation(fields: [wardId], references: [id])
  /// @envelope
  envelope   Json?
}

model Condition {
  id        String  @id @default(cuid())
  /// @encrypted
  text      String
  patientId String
  patient   Patient @relation(fields: [patientId], references: [id])
  /// @envelope
  envelope  Json?
}

model Ward {
  id       Int       @id
  patients Patient[]
}

model Plain {
  id   Int    @id
  name String
}
`

async function fixture(name: string, module: string): Promise<string> {
  const text = await readFile(resolve(import.meta.dirname, `../test/fixtures/${name}.ts.txt`), 'utf8')
  return text.replace('CLIENT', module)
}

/** Provider and options of the client, options of the generator, and where the client then is. */
const CLIENTS = [
  [7, client('prisma-client'), envelope(), './generated/prisma/client.ts'],
  [
    7,
    client('prisma-client', 'generatedFileExtension = "mts"'),
    envelope('generatedFileExtension = "ts"'),
    './generated/prisma/client.mts',
  ],
  [7, client('prisma-client-js'), envelope(), './generated/prisma/index.js'],
  [7, client('prisma-client'), envelope('format = "js"'), './generated/prisma/client.ts'],
  [6, client('prisma-client', 'engineType = "client"'), envelope(), './generated/prisma/client.ts'],
  [6, client('prisma-client-js', 'engineType = "client"'), envelope(), './generated/prisma/index.js'],
] as const

describe('prisma generate', { timeout: 300_000 }, () => {
  it.each(CLIENTS)('makes types that hide envelopes: Prisma %i,%s%s', async (major, clientBlock, envelopeBlock, module) => {
    const app = await project(major, {
      'prisma/schema.prisma': `${clientBlock}${envelopeBlock}${datasource(major)}${PATIENT}${CONDITION}`,
      'usage.ts': await fixture('usage', module),
    })
    expect(await app.generate()).toMatchObject({ code: 0 })
    expect(await app.check()).toEqual({ code: 0, output: '' })
  })

  it.each(CLIENTS)('makes a strict client type: Prisma %i,%s%s', async (major, clientBlock, envelopeBlock, module) => {
    const app = await project(major, {
      'prisma/schema.prisma': `${clientBlock}${envelopeBlock}${datasource(major)}${STRICT}`,
      'strict.ts': await fixture('strict', module),
    })
    expect(await app.generate()).toMatchObject({ code: 0 })
    expect(await app.check()).toEqual({ code: 0, output: '' })
  })

  it.each([6, 7] as const)(
    'reads several files and database schemas, and writes the same bytes each time: Prisma %i',
    async (major) => {
      const files = {
        'prisma/main.prisma': `${client('prisma-client', 'engineType = "client"')}${envelope()}${datasource(major, 'schemas = ["care", "admin"]')}`,
        'prisma/models/patient.prisma': PATIENT.replace(/\}\s*$/, '  @@schema("care")\n}\n'),
        'prisma/condition.prisma': CONDITION.replace(/\}/g, '  @@schema("admin")\n}'),
      }
      const outputs = ['generated/envelope/index.ts', 'prisma/envelope.lock.json']
      const written: string[][] = []
      for (const entries of [Object.entries(files), Object.entries(files).toReversed()]) {
        const app = await project(major, Object.fromEntries(entries))
        for (let time = 0; time < 2; time++) {
          expect(await app.generate()).toMatchObject({ code: 0 })
          written.push(await Promise.all(outputs.map((path) => app.read(path))))
        }
      }
      expect(new Set(written.map((texts) => texts.join('\n'))).size).toBe(1)
      expect(written[0]?.[0]).toContain(`table: { schema: 'care', name: 'Patient', identity: 'care.Patient' }`)
      expect(written[0]?.[1]).toContain('"admin.Condition"')
    },
  )

  it('replaces what it wrote in another format, and nothing else', async () => {
    const schema = (options: string) => `${client('prisma-client')}${envelope(options)}${datasource(7)}${PATIENT}${CONDITION}`
    const app = await project(7, { 'prisma/schema.prisma': schema(''), 'generated/envelope/index.mts': 'export {}\n' })
    await app.generate()
    await app.write('prisma/schema.prisma', schema('format = "js"\n  moduleFormat = "cjs"\n  generatedFileExtension = "cts"'))
    expect(await app.generate()).toMatchObject({ code: 0 })
    expect((await readdir(join(app.folder, 'generated/envelope'))).sort()).toEqual([
      'index.cjs',
      'index.d.cts',
      'index.mts',
      'strict.cjs',
      'strict.d.cts',
    ])
    const loaded: unknown = await import(pathToFileURL(join(app.folder, 'generated/envelope/index.cjs')).href)
    expect(loaded).toMatchObject({ omit: { condition: { envelope: true }, patient: { envelope: true } } })
  })

  it('shows all problems and writes nothing', async () => {
    const app = await project(7, {
      'prisma/schema.prisma': `${envelope('fromat = "js"')}${datasource(7).replace('postgresql', 'mysql')}${PATIENT.replace('@encrypted\n', '@encrypted(x: 1)\n')}${CONDITION}`,
    })
    const { code, output } = await app.generate()
    expect(code).toBe(1)
    expect(output).toContain('prisma-envelope found 3 problems in the schema')
    expect(output).toContain('datasource db: prisma-envelope works with PostgreSQL only, not with mysql')
    expect(output).toContain('generator envelope: unknown option "fromat"; did you mean "format"?')
    expect(output).toContain('Patient.note: unknown option "x" of @encrypted')
    await expect(app.read('prisma/envelope.lock.json')).rejects.toThrow('ENOENT')
    await expect(app.read('generated/envelope/index.ts')).rejects.toThrow('ENOENT')
  })

  it('refuses a drift from the lock file until it is accepted', async () => {
    const schema = (text: string) => `${envelope()}${datasource(7)}${text}${CONDITION}`
    const app = await project(7, { 'prisma/schema.prisma': schema(PATIENT) })
    const first = await app.generate()
    expect(first.output).toContain('envelope.lock.json is new beside the schema: commit it')
    const locked = await app.read('prisma/envelope.lock.json')

    await app.write('prisma/schema.prisma', schema(PATIENT.replace('searchable', 'searchable, normalize: [trim]')))
    const refused = await app.generate()
    expect(refused.code).toBe(1)
    expect(refused.output).toContain('Patient.email: its tokens are made by index "Patient.email", normalize []')
    expect(refused.output).toContain('PRISMA_ENVELOPE_ACCEPT=Patient.email npx prisma generate')
    expect(await app.read('prisma/envelope.lock.json')).toBe(locked)

    expect(await app.generate({ PRISMA_ENVELOPE_ACCEPT: 'Patient.email' })).toMatchObject({ code: 0 })
    expect(await app.read('prisma/envelope.lock.json')).not.toBe(locked)
    expect(await app.generate()).toMatchObject({ code: 0 })

    await app.write('prisma/envelope.lock.json', '<<<<<<< HEAD\n')
    expect((await app.generate()).output).toContain('envelope.lock.json is not JSON (a merge conflict?)')
  })

  it('says to which rows of which models an envelope is not bound', async () => {
    const app = await project(7, {
      'prisma/schema.prisma': `${envelope()}${datasource(7)}${PATIENT.replace('String      @id @default(uuid())', 'Int @id @default(autoincrement())').replace('conditions Condition[]', '')}`,
    })
    const { code, output } = await app.generate()
    expect(code).toBe(0)
    expect(output).toContain(
      "prisma-envelope: Patient: the primary key's id is made by the database and unknown before the insert: its rows are bound to nothing",
    )
  })
})

describe('the bin, run by hand', () => {
  it.each([
    [[], 1],
    [['generate'], 1],
    [['--help'], 0],
  ] as const)('prints a hint: %j', async (options, code) => {
    const ended = await run([BIN, ...options], process.cwd(), process.env)
    expect(ended.code).toBe(code)
    expect(ended.output).toContain('`prisma generate` runs it')
    expect(ended.output).toContain('provider = "prisma-envelope"')
  })
})
