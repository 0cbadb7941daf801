import { EnvelopeError } from './errors.ts'
import type { ModelsPlan } from './plan.ts'
import type { Mode, ModeOf } from './rewrite/mode.ts'

/** One mode for all fields, or modes by `Model` and `Model.field`: the field's goes before the model's, and what is not named is `strict`. */
export type ModeOption = Mode | Readonly<Record<string, Mode>>

/**
 * @throws EnvelopeError `CONFIG` for a mode, a model or an encrypted field that there is not.
 */
export function resolveModes(option: ModeOption, models: ModelsPlan): ModeOf {
  if (typeof option === 'string') {
    const mode = checked('`mode`', option)
    return () => mode
  }
  if (typeof option !== 'object' || option === null || Array.isArray(option)) throw unknownMode('`mode`')
  const modes = new Map<string, Mode>()
  for (const [path, mode] of Object.entries(option)) {
    requireEncrypted(path, models)
    modes.set(path, checked(`the mode of ${path}`, mode))
  }
  return (model, field) => modes.get(`${model}.${field}`) ?? modes.get(model) ?? 'strict'
}

function checked(what: string, mode: unknown): Mode {
  if (mode === 'plain' || mode === 'dual' || mode === 'strict') return mode
  throw unknownMode(what)
}

function unknownMode(what: string): EnvelopeError {
  return new EnvelopeError(
    'CONFIG',
    `${what} must be 'plain', 'dual' or 'strict', or an object of these by Model and Model.field`,
  )
}

function requireEncrypted(path: string, models: ModelsPlan): void {
  const [name = '', field, ...rest] = path.split('.')
  const model = Object.hasOwn(models, name) ? models[name] : undefined
  if (model === undefined || rest.length > 0) {
    throw new EnvelopeError(
      'CONFIG',
      `\`mode\` names ${path}, which is no model: write Model or Model.field, by their Prisma names`,
    )
  }
  if (model.envelope === undefined) {
    throw new EnvelopeError('CONFIG', '`mode` names this model, which has no encrypted fields', { model: name })
  }
  if (field === undefined) return
  if (!Object.hasOwn(model.columns, field) || model.columns[field]?.encrypted === undefined) {
    throw new EnvelopeError('CONFIG', '`mode` names this field, which is not encrypted', { model: name, field })
  }
}
