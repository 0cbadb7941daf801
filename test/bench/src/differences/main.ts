import assert from 'node:assert/strict'
import { openStand } from '../stand.ts'
import { ALIKE, CASES, type Case } from './cases.ts'
import { type Library, openLibraries } from './libraries.ts'

const stand = await openStand()
try {
  const libraries = openLibraries(stand)
  // prisma-field-encryption tells of some of this on the console.
  for (const method of ['warn', 'error'] as const) console[method] = () => {}
  console.log('| | prisma-field-encryption 1.6.0 | prisma-envelope |\n| --- | --- | --- |')
  for (const each of CASES)
    console.log(
      `| ${each.title} | ${await became(each, libraries.peer, each.peer)} | ${await became(each, libraries.ours, each.ours)} |`,
    )
  for (const each of ALIKE) {
    const both = await became(each, libraries.peer, each.peer)
    assert.equal(await became(each, libraries.ours, each.ours), both)
    console.log(`| ${each.title} | ${both} | the same |`)
  }
} finally {
  await stand.close()
}

/** Fails where it became something else than the case says. */
async function became({ title, act }: Case, library: Library, expected: unknown): Promise<string> {
  await library.reset()
  const outcome = await act(library).then(masked, (error: { code?: unknown }) => {
    if (typeof error.code !== 'string') throw error
    return `throws ${error.code}`
  })
  assert.deepEqual(outcome, expected, title)
  return `\`${typeof outcome === 'string' ? outcome : JSON.stringify(outcome)}\``
}

/** With a word in place of each ciphertext, as no two are alike. */
function masked(value: unknown): unknown {
  if (typeof value === 'string') return value.startsWith('v1.aesgcm256.') ? 'ciphertext' : value
  if (Array.isArray(value)) return value.map(masked)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, masked(member)]))
}
