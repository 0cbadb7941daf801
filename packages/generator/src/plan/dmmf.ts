import type { DMMF } from '@prisma/generator-helper'
import type { Block } from '../schema-text.ts'

export type Model = DMMF.Model
export type Field = DMMF.Field

/** A schema as the generator sees it: Prisma's DMMF, and what only the text tells. */
export interface Schema {
  readonly datamodel: Pick<DMMF.Datamodel, 'models' | 'enums' | 'indexes'>
  readonly blocks: readonly Block[]
}

export function isView(schema: Schema, model: Model): boolean {
  return schema.blocks.some((block) => block.kind === 'view' && block.name === model.name)
}

export function fieldOf(model: Model, name: string): Field | undefined {
  return model.fields.find((field) => field.name === name)
}

export function columnOf(model: Model, field: string): string {
  return fieldOf(model, field)?.dbName ?? field
}

export function primaryKeyOf(model: Model): readonly string[] {
  return model.primaryKey?.fields ?? model.fields.filter((field) => field.isId).map((field) => field.name)
}

export function sourceOf(schema: Schema, model: Model, field: string): string {
  const block = schema.blocks.find(({ kind, name }) => (kind === 'model' || kind === 'view') && name === model.name)
  return block?.members.find(({ name }) => name === field)?.source ?? ''
}

/** Bytewise order of UTF-8, the same on every machine. */
export function bytewise(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
