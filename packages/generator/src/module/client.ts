import { relative, sep } from 'node:path'
import type { GeneratorConfig } from '@prisma/generator-helper'
import { Refusal } from '../problems.ts'
import type { Settings } from '../settings.ts'

/** The Prisma Client for which the types are made. */
export interface Client {
  readonly provider: 'prisma-client' | 'prisma-client-js'
  /** Module from which the generated one imports its types. */
  readonly specifier: string
  /** Module of the runtime whose types the client uses. */
  readonly runtime: string
}

const RUNTIME = '@prisma/client/runtime/client'
const PROVIDERS: readonly Client['provider'][] = ['prisma-client', 'prisma-client-js']

/** The schema's client generators, `prisma-client` first. */
export function clientGenerators(generators: readonly GeneratorConfig[]): readonly GeneratorConfig[] {
  return PROVIDERS.flatMap((provider) => generators.filter((generator) => generator.provider.value === provider))
}

/**
 * The client that `client = "name"` names, else the only one of the preferred provider.
 *
 * @throws Refusal where the choice is not clear.
 */
export function chooseClient(generators: readonly GeneratorConfig[], wanted: string | undefined): GeneratorConfig | undefined {
  const clients = clientGenerators(generators)
  if (wanted !== undefined) {
    const found = clients.find(({ name }) => name === wanted)
    if (found === undefined)
      throw new Refusal(
        `client = "${wanted}" names no client generator; there are ${clients.map(({ name }) => name).join(', ') || 'none'}`,
      )
    return found
  }
  const [first] = clients
  const rivals = clients.filter(({ provider }) => provider.value === first?.provider.value)
  if (rivals.length > 1)
    throw new Refusal(
      `the schema has several clients (${rivals.map(({ name }) => name).join(', ')}); choose one: client = "${first?.name}"`,
    )
  return first
}

/** How the generated module in the folder `output` imports the client; types only, so that no bundler follows it. */
export function importedClient(generator: GeneratorConfig, output: string): Client {
  if (generator.provider.value === 'prisma-client') {
    // TypeScript finds client.ts under the name of its JavaScript with every module resolution.
    const extension = moduleExtension(extensionOf(generator))
    return { provider: 'prisma-client', specifier: `${pathBetween(output, generator)}/client.${extension}`, runtime: RUNTIME }
  }
  if (!generator.isCustomOutput) return { provider: 'prisma-client-js', specifier: '@prisma/client', runtime: RUNTIME }
  // Such a client has a copy of the runtime.
  const folder = pathBetween(output, generator)
  return { provider: 'prisma-client-js', specifier: `${folder}/index.js`, runtime: `${folder}/runtime/client.js` }
}

/** `ts` → `js`, `mts` → `mjs`, `cts` → `cjs`. */
export function moduleExtension(sourceExtension: string): string {
  return sourceExtension.replace('ts', 'js')
}

function extensionOf({ config }: GeneratorConfig): string {
  const { generatedFileExtension: extension } = config
  return typeof extension === 'string' ? extension : 'ts'
}

function pathBetween(output: string, generator: GeneratorConfig): string {
  const path = relative(output, generator.output?.value ?? '')
    .split(sep)
    .join('/')
  return path === '' ? '.' : path.startsWith('.') ? path : `./${path}`
}

/** Extension of the generated module: that of the client, unless set. */
export function sourceExtension(settings: Settings, client: GeneratorConfig | undefined): string {
  return settings.generatedFileExtension ?? (client === undefined ? 'ts' : extensionOf(client))
}
