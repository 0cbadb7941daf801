import { expect, test } from 'vitest'
import { runCli } from '../support/cli.ts'
import { createRotation } from '../support/rotation.ts'

const { setup } = await createRotation('cli-rotating-options')

test.each([
  [[], 'exactly one of'],
  [['--rewrap', '--reindex'], 'exactly one of'],
  [['--rewrap', 'Patient.email'], 'name models, not fields'],
  [['--rewrap', '--state', 'x'], '--state and --restart'],
  [['--rewrap', '--from', 'pii', '--all'], 'contradict'],
  [['--rewrap', '--from', 'next'], 'that is the current key'],
  [['--reencrypt', '--from', 'nobody'], 'no key of this name'],
  [['--reencrypt', '--all'], 'takes no --all'],
  [['--reencrypt', '--state', '/nowhere/state.json'], 'give another --state'],
  [['--reindex', 'Patient.birthDate'], "can't be searchable"],
])('rotate %j is refused', async (args, reason) => {
  const { code, err } = await runCli(setup, ['rotate', ...args])
  expect(err).toContain(reason)
  expect(code).toBe(2)
})
