import { compileFunction } from 'node:vm'
import type { GeneratorConfig } from '@prisma/generator-helper'
import { describe, expect, it } from 'vitest'
import { outcomeOf } from '../../test/schema.ts'
import { chooseClient, importedClient } from './client.ts'
import { literalText, stringText } from './literal-text.ts'
import { moduleFiles } from './module.ts'

const { models } = outcomeOf(`
enum Sex {
  Female @map("f")
  Male   @map("m")
}
model Tenant {
  id       Int       @id
  patients Patient[]
}
model Patient {
  id        String     @id @default(uuid(7)) @map("patient_id") @db.Uuid
  tenantId  Int        @map("tenant_id")
  tenant    Tenant     @relation(fields: [tenantId], references: [id])
  /// @encrypted(searchable, normalize: [nfc, trim, lowercase], scope: [tenantId])
  email     String
  /// @encrypted
  birthDate DateTime?  @map("birth_date") @db.Date
  /// @encrypted
  sex       Sex        @default(Male)
  /// @encrypted(placeholder: { "__proto__": "it's \\"hidden\\"" })
  history   Json?
  /// @encrypted
  weights   Decimal[]  @default([1.50]) @db.Decimal(5, 2)
  ward      String     @default("B2") @db.VarChar(10)
  createdAt DateTime   @default(now())
  /// @envelope(bind: [tenantId])
  envelope  Json?      @map("pii")
  @@unique([tenantId, email])
  @@map("patients")
}
`)

const ESM = { format: 'js', moduleFormat: 'esm' } as const
const CJS = { format: 'js', moduleFormat: 'cjs' } as const

function generator(name: string, provider: string, config: Record<string, string> = {}, custom = true): GeneratorConfig {
  return {
    name,
    provider: { fromEnvVar: null, value: provider },
    output: { fromEnvVar: null, value: `/app/generated/${name}` },
    isCustomOutput: custom,
    config,
    binaryTargets: [],
    previewFeatures: [],
    sourceFilePath: '/app/prisma/schema.prisma',
  }
}

const CLIENT = importedClient(generator('prisma', 'prisma-client'), '/app/generated/envelope')

async function imported(text: string): Promise<unknown> {
  return import(`data:text/javascript,${encodeURIComponent(text)}`)
}

describe('the generated module', () => {
  it('is TypeScript', async () => {
    const files = moduleFiles(models, CLIENT, { format: 'ts', moduleFormat: 'esm' }, 'ts')
    expect(files.map(([name]) => name)).toEqual(['index.ts', 'strict.ts'])
    await expect(files[0]?.[1]).toMatchFileSnapshot('../../test/__snapshots__/module.ts.txt')
    await expect(files[1]?.[1]).toMatchFileSnapshot('../../test/__snapshots__/strict.ts.txt')
  })

  it('is JavaScript with declarations on request', async () => {
    const files = moduleFiles(models, CLIENT, ESM, 'ts')
    expect(files.map(([name]) => name)).toEqual(['index.js', 'index.d.ts', 'strict.js', 'strict.d.ts'])
    await expect(files[1]?.[1]).toMatchFileSnapshot('../../test/__snapshots__/module.d.ts.txt')
    await expect(files[3]?.[1]).toMatchFileSnapshot('../../test/__snapshots__/strict.d.ts.txt')
    expect(moduleFiles(models, CLIENT, CJS, 'cts').map(([name]) => name)).toEqual([
      'index.cjs',
      'index.d.cts',
      'strict.cjs',
      'strict.d.cts',
    ])
  })

  it('gives back the plan when it is loaded, whatever its format', async () => {
    const omit = { patient: { envelope: true } }
    expect(await imported(moduleFiles(models, CLIENT, ESM, 'ts')[0]?.[1] ?? '')).toMatchObject({ models, omit })
    const exports: Record<string, unknown> = {}
    compileFunction(moduleFiles(models, CLIENT, CJS, 'ts')[0]?.[1] ?? '', ['exports'])(exports)
    expect(exports).toEqual({ models, omit })
  })

  it.each([ESM, CJS])('exports the key store where there is one: $moduleFormat', async (settings) => {
    const columns = {
      id: 'id',
      kid: 'kid',
      table: 'table',
      context: 'context',
      contextDigest: 'digest',
      generation: 'generation',
    }
    const keyStore = {
      model: 'EnvelopeKey',
      table: { name: 'keys', identity: 'keys' },
      columns: { ...columns, wrapped: 'wrapped', createdAt: 'created_at', erasedAt: 'erased_at' },
    }
    const [script, declarations] = moduleFiles(models, CLIENT, settings, 'ts', keyStore)
    const text = script?.[1] ?? ''
    const exports: Record<string, unknown> = {}
    if (settings === CJS) compileFunction(text, ['exports'])(exports)
    expect(settings === CJS ? exports : await imported(text)).toMatchObject({ models, keyStore })
    expect(declarations?.[1]).toContain('export declare const keyStore: KeyStorePlan')
    expect(declarations?.[1]).toContain(`import type { KeyStorePlan, ModelPlan } from 'prisma-envelope/plan'`)
  })

  it.each([ESM, CJS])('gives back the client under its strict type: $moduleFormat', async (settings) => {
    const text = moduleFiles(models, CLIENT, settings, 'ts')[2]?.[1] ?? ''
    const exports: Record<string, unknown> = {}
    if (settings === CJS) compileFunction(text, ['exports'])(exports)
    const { strict } = (settings === CJS ? exports : await imported(text)) as { strict(client: object): object }
    const client = {}
    expect(strict(client)).toBe(client)
  })

  it('has no types without a client', () => {
    const files = moduleFiles(models, undefined, { format: 'ts', moduleFormat: 'esm' }, 'ts')
    expect(files.map(([name]) => name)).toEqual(['index.ts'])
    const text = files[0]?.[1]
    expect(text).not.toContain('PrismaClient,')
    expect(text).toContain('export const omit = { patient: { envelope: true } } as const')
  })

  it('is empty but sound for a schema without models', async () => {
    const [script] = moduleFiles({}, undefined, ESM, 'ts')
    expect(await imported(script?.[1] ?? '')).toMatchObject({ models: {}, omit: {} })
  })
})

describe('literals', () => {
  it.each(['', "it's", '"', '\\', '\\"', "\\'", '\n\u2028\u0000', '😀', '${x}`'])('keep the text %j', async (text) => {
    expect(await imported(`export const text = ${stringText(text)}`)).toHaveProperty('text', text)
  })

  it('keep data, also under the key __proto__', async () => {
    const data = JSON.parse('{"__proto__":{"a-b":[1,null,true]},"list":[],"empty":{}}')
    const module = (await imported(`export const data = ${literalText(data)}`)) as { data: unknown }
    expect(JSON.stringify(module.data)).toBe(JSON.stringify(data))
  })
})

describe('the client of the types', () => {
  it.each([
    [generator('prisma', 'prisma-client'), '../prisma/client.js'],
    [generator('prisma', 'prisma-client', { generatedFileExtension: 'mts' }), '../prisma/client.mjs'],
    [generator('prisma', 'prisma-client-js'), '../prisma/index.js'],
    [generator('prisma', 'prisma-client-js', {}, false), '@prisma/client'],
  ])('is imported from where its generator writes it', (config, specifier) => {
    expect(importedClient(config, '/app/generated/envelope').specifier).toBe(specifier)
  })

  it.each([
    [generator('prisma', 'prisma-client'), '@prisma/client/runtime/client'],
    [generator('prisma', 'prisma-client-js'), '../prisma/runtime/client.js'],
    [generator('prisma', 'prisma-client-js', {}, false), '@prisma/client/runtime/client'],
  ])('has its runtime where its generator puts it', (config, runtime) => {
    expect(importedClient(config, '/app/generated/envelope').runtime).toBe(runtime)
  })

  it('may be in the folder of the module or below it', () => {
    const config = generator('envelope', 'prisma-client')
    expect(importedClient(config, '/app/generated/envelope').specifier).toBe('./client.js')
    expect(importedClient(config, '/app/generated').specifier).toBe('./envelope/client.js')
  })

  it('is the prisma-client, or the one that is named', () => {
    const [js, ts, other] = [generator('a', 'prisma-client-js'), generator('b', 'prisma-client'), generator('c', 'prisma-erd')]
    expect(chooseClient([js, other, ts], undefined)).toBe(ts)
    expect(chooseClient([js, other, ts], 'a')).toBe(js)
    expect(chooseClient([other], undefined)).toBeUndefined()
    expect(() => chooseClient([js, ts], 'c')).toThrow('client = "c" names no client generator; there are b, a')
    expect(() => chooseClient([ts, generator('d', 'prisma-client')], undefined)).toThrow('choose one: client = "b"')
  })
})
