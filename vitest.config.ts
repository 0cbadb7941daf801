import { defineConfig } from 'vitest/config'
import { variants } from './test/schema-variants.ts'

const withPostgres = { globalSetup: ['./test/support/global-setup.ts'], testTimeout: 60_000, hookTimeout: 60_000 }

/** What writes in every way that the extension has, once more on tables that refuse plaintext. */
const guarded = [
  'test/guarded/*.test.ts',
  ...['round-trip', 'attaching', 'changing-keys', 'creating', 'differential/differential'].map(
    (name) => `test/integration/${name}.test.ts`,
  ),
]

export default defineConfig({
  test: {
    reporters: process.env['CI'] ? ['default', './test/support/tally-reporter.ts'] : ['default'],
    projects: [
      { test: { name: 'unit', include: ['{packages,examples}/*/{src,test}/**/*.test.ts'], testTimeout: 30_000 } },
      { test: { name: 'repository', include: ['test/*.test.ts'], testTimeout: 300_000, hookTimeout: 300_000 } },
      { test: { name: 'cli', include: ['test/cli/**/*.test.ts'], ...withPostgres, testTimeout: 120_000 } },
      { test: { name: 'faults', include: ['test/faults/**/*.test.ts'], ...withPostgres, testTimeout: 300_000 } },
      { test: { name: 'guarded', include: guarded, env: { TEST_GUARDS: 'on' }, ...withPostgres } },
      { test: { name: 'values', include: ['test/values/**/*.test.ts'], ...withPostgres } },
      ...variants.map((variant) => ({
        test: {
          name: `prisma-${variant}`,
          include: ['test/integration/**/*.test.ts'],
          env: { PRISMA_VARIANT: variant },
          ...withPostgres,
        },
      })),
    ],
  },
})
