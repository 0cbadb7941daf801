import { defineConfig } from '@prisma-envelope/cli'
import { models } from './generated/envelope/index.ts'
import { databaseUrl, indexKey, keys } from './src/application/settings.ts'

export default defineConfig({ models, keys, indexKey, database: { url: databaseUrl } })
