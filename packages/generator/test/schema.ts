import { createRequire } from 'node:module'
import type { KeyStorePlan, ModelsPlan } from 'prisma-envelope/plan'
import type { Schema } from '../src/plan/dmmf.ts'
import { buildKeyStore } from '../src/plan/key-store.ts'
import { buildPlan } from '../src/plan/plan.ts'
import { createReport, describe } from '../src/problems.ts'
import { blocksOf } from '../src/schema-text.ts'

// Prisma's own parser; its package is CommonJS without named exports.
const prisma = createRequire(import.meta.url)('@prisma/prisma-schema-wasm') as { get_dmmf(parameters: string): string }

const HEADER = `
generator client {
  provider        = "prisma-client"
  output          = "client"
  previewFeatures = ["views"]
}

datasource db {
  provider = "postgresql"
}
`

export function readSchema(text: string, header: string = HEADER): Schema {
  const schema = `${header}\n${text}`
  const dmmf = prisma.get_dmmf(JSON.stringify({ prismaSchema: [['schema.prisma', schema]], noColor: true }))
  return { datamodel: JSON.parse(dmmf).datamodel, blocks: blocksOf(schema) }
}

export interface Outcome {
  readonly models: ModelsPlan
  readonly keyStore: KeyStorePlan | undefined
  readonly problems: readonly string[]
  readonly notices: readonly string[]
}

/** The plan of a schema's models, and what the generator says of them. */
export function outcomeOf(text: string, header?: string): Outcome {
  const report = createReport()
  const schema = readSchema(text, header)
  const models = buildPlan(schema, report)
  const keyStore = buildKeyStore(schema, report)
  return { models, keyStore, problems: report.problems.map(describe), notices: report.notices.map(describe) }
}

/** A sound model `Patient` with the given lines in it. */
export function patient(lines: string): string {
  return `
model Patient {
  id String @id @default(uuid())
  ${lines}
  /// @encrypted
  fullName String
  /// @envelope
  envelope Json?
}
`
}
