import type { ModelsPlan } from 'prisma-envelope/plan'
import type { Settings } from '../settings.ts'
import { type Client, moduleExtension } from './client.ts'
import type { ModuleFile } from './module.ts'
import { strictTypes } from './strict-types.ts'

const SIGNATURE = `/** The same client under its strict type; to be applied last. */
export function strict<Client extends { $envelope: unknown }>(client: Client): StrictClient<Client>`

const SCRIPTS = {
  esm: 'export const strict = (client) => client\n',
  cjs: "'use strict'\n\nexports.strict = (client) => client\n",
} as const

/** The module `strict`, apart from the index so that only who uses it has it compiled; none where there is nothing to refuse. */
export function strictFiles(
  models: ModelsPlan,
  client: Client | undefined,
  { format, moduleFormat }: Settings,
  extension: string,
): readonly ModuleFile[] {
  if (client === undefined || Object.values(models).every(({ envelope }) => envelope === undefined)) return []
  const types = strictTypes(models, client)
  if (format === 'ts') return [[`strict.${extension}`, `${types}\n${SIGNATURE} {\n  return client as never\n}\n`]]
  return [
    [`strict.${moduleExtension(extension)}`, SCRIPTS[moduleFormat]],
    [`strict.d.${extension}`, `${types}\n${SIGNATURE.replace('export', 'export declare')}\n\nexport {}\n`],
  ]
}
