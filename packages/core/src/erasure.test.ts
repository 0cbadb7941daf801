import { expect, test } from 'vitest'
import { keysLiveFor } from './erasure.ts'

test('processes hold keys for as long as their caches and one operation do, also while the KMS is away', () => {
  expect(keysLiveFor({})).toBe(65_000)
  expect(keysLiveFor({ cache: { maxAge: 1_000, staleIfError: 200 }, deadline: 30 })).toBe(1_230)
  expect(() => keysLiveFor({ cache: { maxAge: -1 } })).toThrow('cache.maxAge')
})
