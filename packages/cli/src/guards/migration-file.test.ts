import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { UsageError } from '../usage-error.ts'
import { writeMigration } from './migration-file.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'migration-file-'))
})
afterAll(() => rm(folder, { recursive: true }))

const now = new Date('2026-03-01T02:03:04.567Z')

it('is named as Prisma Migrate names its own, and never written over', async () => {
  const file = await writeMigration(join(folder, 'migrations'), 'guard', 'SELECT 1;', now)
  expect(file).toBe(join(folder, 'migrations', '20260301020304_guard', 'migration.sql'))
  await expect(writeMigration(join(folder, 'migrations'), 'guard', 'SELECT 2;', now)).rejects.toThrow(UsageError)
  expect(await readFile(file, 'utf8')).toBe('SELECT 1;')
})

it.each(['', '../up', 'a b', 'a/b'])('refuses the name %j', async (name) => {
  await expect(writeMigration(folder, name, 'SELECT 1;', now)).rejects.toThrow(UsageError)
})
