import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { LoanedKey } from './loaned-key.ts'

const bytes = (): Uint8Array => new Uint8Array(32).fill(7)

describe('a loaned key', () => {
  it('is zeroed when the last loan is released', () => {
    const original = bytes()
    const first = LoanedKey.own(original)
    const second = first.lend()
    first.release()
    expect(second.bytes).toEqual(bytes())
    second.release()
    expect(original).toEqual(new Uint8Array(32))
  })

  it('does not take the bytes from another holder when it is released twice', () => {
    const first = LoanedKey.own(bytes())
    const second = first.lend()
    first.release()
    first.release()
    expect(second.bytes).toEqual(bytes())
  })

  it('can be neither read nor lent after its release', () => {
    const key = LoanedKey.own(bytes())
    key.release()
    expect(() => key.bytes).toThrow(/released/)
    expect(() => key.lend()).toThrow(/released/)
  })

  it('shows no bytes to util.inspect and JSON.stringify', () => {
    const key = LoanedKey.own(bytes())
    expect(inspect(key, { depth: Infinity, showHidden: true, getters: false })).not.toMatch(/7/)
    expect(JSON.stringify({ key })).toBe('{"key":{}}')
  })
})
