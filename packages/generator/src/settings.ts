import type { GeneratorConfig } from '@prisma/generator-helper'
import { suggestion } from './annotation/nearest.ts'
import type { Report } from './problems.ts'

/** The options of the `generator` block. */
export interface Settings {
  /** TypeScript, or JavaScript with declarations. */
  readonly format: 'ts' | 'js'
  /** Of JavaScript. */
  readonly moduleFormat: 'esm' | 'cjs'
  /** Of the TypeScript that is written, or that the JavaScript would have come from. */
  readonly generatedFileExtension?: 'ts' | 'mts' | 'cts'
  /** Name of the client generator whose types are used, where there are several. */
  readonly client?: string
}

const CHOICES = { format: ['ts', 'js'], moduleFormat: ['esm', 'cjs'], generatedFileExtension: ['ts', 'mts', 'cts'] } as const
const KNOWN = [...Object.keys(CHOICES), 'client']

/** Reads the generator's own options; what is wrong is reported. */
export function settingsOf(generator: GeneratorConfig, report: Report): Settings {
  const place = { model: `generator ${generator.name}` }
  const { config } = generator
  for (const name of Object.keys(config)) {
    if (!KNOWN.includes(name)) report.refuse(place, `unknown option "${name}"${suggestion(name, KNOWN)}`)
  }
  const choose = <Name extends keyof typeof CHOICES>(name: Name): (typeof CHOICES)[Name][number] | undefined => {
    const value = config[name]
    const choices: readonly (typeof CHOICES)[Name][number][] = CHOICES[name]
    const choice = choices.find((candidate) => candidate === value)
    if (value !== undefined && choice === undefined)
      report.refuse(place, `${name} must be ${choices.map((one) => `"${one}"`).join(' or ')}`)
    return choice
  }
  const extension = choose('generatedFileExtension')
  const { client } = config
  return {
    format: choose('format') ?? 'ts',
    moduleFormat: choose('moduleFormat') ?? (extension === 'cts' ? 'cjs' : 'esm'),
    ...(extension === undefined ? {} : { generatedFileExtension: extension }),
    ...(typeof client === 'string' ? { client } : {}),
  }
}
