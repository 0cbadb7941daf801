import type { KeyStorePlan, ModelsPlan } from 'prisma-envelope/plan'
import type { Settings } from '../settings.ts'
import { type Client, moduleExtension } from './client.ts'
import { clientImport, clientProperty, clientTypes } from './client-types.ts'
import { literalText, stringText } from './literal-text.ts'
import { strictFiles } from './strict-module.ts'

/** A file of the generated module: name and text. */
export type ModuleFile = readonly [name: string, text: string]

/** First line of every generated file, by which leftovers of another format are known. */
export const HEADER = `// Written by prisma-envelope from the Prisma schema. Do not edit; run \`prisma generate\`.
/* eslint-disable */

`
const MODELS_COMMENT = '/** The encryption plan, for `envelopeEncryption({ models })` and the CLI. */\n'
const KEY_STORE_COMMENT = '/** Where the branch keys are, for `envelopeEncryption({ keyStore })` and the CLI. */\n'
const OMIT_COMMENT = '/** Hides the envelopes from results: `new PrismaClient({ adapter, omit })`. */\n'

/** The generated module, as TypeScript or as JavaScript with declarations. The same text whatever the machine. */
export function moduleFiles(
  models: ModelsPlan,
  client: Client | undefined,
  settings: Settings,
  extension: string,
  keyStore?: KeyStorePlan,
): readonly ModuleFile[] {
  const files = [
    ...indexFiles(models, client, settings, extension, keyStore),
    ...strictFiles(models, client, settings, extension),
  ]
  return files.map(([name, text]) => [name, `${HEADER}${text}`])
}

function indexFiles(
  models: ModelsPlan,
  client: Client | undefined,
  { format, moduleFormat }: Settings,
  extension: string,
  keyStore: KeyStorePlan | undefined,
): readonly ModuleFile[] {
  const encrypted = Object.keys(models).filter((name) => models[name]?.envelope !== undefined)
  const omit = Object.fromEntries(
    encrypted.map((name) => [clientProperty(name), { [models[name]?.envelope?.field ?? '']: true }]),
  )
  const modelsType = `Readonly<Record<${Object.keys(models).map(stringText).join(' | ') || 'never'}, ModelPlan>>`
  const planTypes = keyStore === undefined ? 'ModelPlan' : 'KeyStorePlan, ModelPlan'
  const imports = `import type { ${planTypes} } from 'prisma-envelope/plan'\n${client === undefined ? '' : clientImport(client)}\n`
  const types = client === undefined ? '' : `\n${clientTypes(client, encrypted)}`
  if (format === 'ts') {
    const constants = `${MODELS_COMMENT}export const models: ${modelsType} = ${literalText(models)}

${OMIT_COMMENT}export const omit = ${literalText(omit)} as const
${keyStore === undefined ? '' : `\n${KEY_STORE_COMMENT}export const keyStore: KeyStorePlan = ${literalText(keyStore)}\n`}`
    return [[`index.${extension}`, `${imports}${constants}${types}`]]
  }
  const declarations = `${MODELS_COMMENT}export declare const models: ${modelsType}

${OMIT_COMMENT}export declare const omit: ${readonlyType(omit)}
${keyStore === undefined ? '' : `\n${KEY_STORE_COMMENT}export declare const keyStore: KeyStorePlan\n`}`
  // Without `export {}`, a declaration file exports whatever it declares.
  return [
    [
      `index.${moduleExtension(extension)}`,
      script({ models, omit, ...(keyStore === undefined ? {} : { keyStore }) }, moduleFormat),
    ],
    [`index.d.${extension}`, `${imports}${declarations}${types}\nexport {}\n`],
  ]
}

function script(constants: Readonly<Record<string, unknown>>, moduleFormat: Settings['moduleFormat']): string {
  const keyword = moduleFormat === 'esm' ? 'export const ' : 'exports.'
  const lines = Object.entries(constants).map(([name, value]) => `${keyword}${name} = ${literalText(value)}\n`)
  return [...(moduleFormat === 'esm' ? [] : [`'use strict'\n`]), ...lines].join('\n')
}

function readonlyType(omit: Readonly<Record<string, Readonly<Record<string, boolean>>>>): string {
  const entries = Object.entries(omit).map(
    ([model, fields]) => `readonly ${model}: { readonly ${Object.keys(fields).join()}: true }`,
  )
  return entries.length === 0 ? '{}' : `{ ${entries.join('; ')} }`
}
