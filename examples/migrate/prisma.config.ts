import { defineConfig } from 'prisma/config'

// `prisma generate` never runs the schema engine; naming any program in its stead keeps Prisma from downloading it.
process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= process.execPath

export default defineConfig({ schema: 'prisma/schema.prisma' })
