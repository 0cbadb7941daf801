import { runSuite } from './suite-runner.ts'

runSuite({
  title: 'Lets many writers change few rows at once, on plain Prisma and on the encrypted client.',
  folder: 'integration/concurrency',
  options: {
    writers: { variable: 'CONCURRENCY_WRITERS', what: 'at the same time', default: '64' },
    rounds: { variable: 'CONCURRENCY_ROUNDS', what: 'units of work of each writer', default: '20' },
    seed: { variable: 'CONCURRENCY_SEED', what: 'of what they do' },
  },
})
