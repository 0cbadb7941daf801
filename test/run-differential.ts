import { runSuite } from './suite-runner.ts'

runSuite({
  title: 'Compares random histories of operations on plain Prisma and on the encrypted client.',
  folder: 'integration/differential',
  parts: ['differential', 'modes', 'contexts'],
  options: {
    runs: { variable: 'DIFFERENTIAL_RUNS', what: 'histories', default: '2000' },
    seed: { variable: 'DIFFERENTIAL_SEED', what: 'of the random histories' },
  },
})
