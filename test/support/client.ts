import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { PrismaPg } from '@prisma/adapter-pg'
import type * as Client from '../generated/7/client/client.ts'
import type * as EnvelopeModule from '../generated/7/envelope/index.ts'
import type * as Plain from '../generated/7/plain/client.ts'
import { layout, type Variant, variants } from '../schema-variants.ts'

/** The variant that this test run is about. */
export const variant: Variant = variants.find((name) => name === process.env['PRISMA_VARIANT']) ?? '7'

const root = new URL('../', import.meta.url)

/** A generated client of the variant under test, typed as that of Prisma 7, which the tests are written against. */
export const { Prisma, PrismaClient } = (await load('client')) as Pick<typeof Client, 'Prisma' | 'PrismaClient'>

/** What the generator made for the variant. */
export const { keyStore, models, omit } = (await load('envelope')) as Pick<typeof EnvelopeModule, 'keyStore' | 'models' | 'omit'>

/** The client of the same models without encryption, to compare with. */
export const plain = (await load('plain')) as Pick<typeof Plain, 'Prisma' | 'PrismaClient'>

/** What `Prisma.skip` is under the preview feature `strictUndefinedChecks`. */
export const { skip } = (await loadRuntime('client')) as { skip: object }

/** {@link skip} of the client without encryption, which may have a copy of the runtime of its own. */
export const { skip: plainSkip } = (await loadRuntime('plain')) as { skip: object }

/** A driver adapter of the variant's own version. */
export function adapterOf(url: string, poolSize?: number, schema?: string): PrismaPg {
  const path = createRequire(new URL(`${layout[variant].packages}/package.json`, root)).resolve('@prisma/adapter-pg')
  const { PrismaPg: Adapter } = createRequire(path)(path) as { PrismaPg: typeof PrismaPg }
  const pool = { connectionString: url, ...(poolSize !== undefined && { max: poolSize }) }
  return new Adapter(pool, schema === undefined ? undefined : { schema })
}

/** `prisma-client` and the envelope generator write TypeScript, which Vite has to transform; `prisma-client-js` writes CommonJS, which it must not. */
async function load(output: 'client' | 'plain' | 'envelope'): Promise<unknown> {
  const folder = new URL(`${layout[variant].generated}/${output}/`, root)
  if (output === 'envelope') return import(new URL('index.ts', folder).href)
  if (variant === '7') return import(new URL('client.ts', folder).href)
  return createRequire(import.meta.url)(fileURLToPath(new URL('index.js', folder)))
}

/** The copy of Prisma's runtime that a client uses. */
async function loadRuntime(output: 'client' | 'plain'): Promise<unknown> {
  if (variant === '7') return import('@prisma/client/runtime/client')
  return createRequire(import.meta.url)(fileURLToPath(new URL(`${layout[variant].generated}/${output}/runtime/client.js`, root)))
}
