import { runSuite } from './suite-runner.ts'

runSuite({
  title: 'Kills the CLI at random moments while writers run, on the way from plaintext to ciphertext, to other keys, and back.',
  folder: 'cli/crash',
  project: 'cli',
  options: {
    kills: { variable: 'CRASH_KILLS', what: 'of all commands together', default: '56' },
    rows: { variable: 'CRASH_ROWS', what: 'patients at the start', default: '1500' },
    writers: { variable: 'CRASH_WRITERS', what: 'at the same time, beside two that come later', default: '4' },
    seed: { variable: 'CRASH_SEED', what: 'of what they do and of when it is killed' },
  },
})
