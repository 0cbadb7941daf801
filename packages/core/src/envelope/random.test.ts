import { expect, test } from 'vitest'
import { fillRandom } from './random.ts'

test('bytes are never given twice, across refills of the pool and for any length', () => {
  const seen = new Set<string>()
  const lengths = [12, 32, 12, 8191, 8192, 8193, 100]
  for (let round = 0; round < 300; round++) {
    for (const length of lengths) {
      const bytes = Buffer.alloc(length)
      fillRandom(bytes)
      for (let at = 0; at + 8 <= Math.min(length, 64); at += 8) seen.add(bytes.toString('hex', at, at + 8))
    }
  }
  const windows = lengths.map((length) => Math.floor(Math.min(length, 64) / 8)).reduce((sum, count) => sum + count)
  expect(seen.size).toBe(300 * windows)
})

test('the whole target is filled and nothing beside it', () => {
  const around = Buffer.alloc(64 + 32)
  fillRandom(around.subarray(32, 64))
  expect(around.subarray(0, 32).equals(Buffer.alloc(32))).toBe(true)
  expect(around.subarray(64).equals(Buffer.alloc(32))).toBe(true)
  expect(around.subarray(32, 64).equals(Buffer.alloc(32))).toBe(false)
})

test('what was zeroed in the pool is not given: single bytes are zero about once in 256 times', () => {
  const byte = Buffer.alloc(1)
  let zeros = 0
  for (let draw = 0; draw < 50_000; draw++) {
    fillRandom(byte)
    if (byte[0] === 0) zeros++
  }
  // 195 are expected; 12 standard deviations either way.
  expect(zeros).toBeGreaterThan(30)
  expect(zeros).toBeLessThan(360)
})
