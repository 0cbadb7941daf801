import { defineConfig } from 'prisma/config'

// Generating needs no schema engine; naming any program in its stead keeps Prisma from downloading one.
process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= process.execPath

export default defineConfig({ schema: 'schema.prisma' })
