import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CellScanner } from './cell-scanner.ts'
import { TextFinder } from './text-finder.ts'

describe('TextFinder', () => {
  it('finds exactly what includes() finds', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '𝒳'), minLength: 6, maxLength: 9 })
    const haystack = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '𝒳'), maxLength: 300 })
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 30 }), haystack, (texts, text) => {
        const expected = [...new Set(texts)].filter((each) => text.includes(each))
        expect(new TextFinder(texts).find(text).sort()).toEqual(expected.sort())
      }),
      { numRuns: 500 },
    )
  })

  it('finds each of thousands of texts wherever one is planted', () => {
    const texts = Array.from({ length: 5000 }, (_, at) => `text ${at} of many`)
    const finder = new TextFinder(texts)
    for (const planted of texts) {
      expect(finder.find(`${randomBytes(9).toString('base64')}${planted}`)).toContain(planted)
    }
    expect(finder.find(randomBytes(100_000).toString('base64'))).toEqual([])
  })
})

describe('CellScanner', () => {
  const scanner = new CellScanner(['999-12-3456', 'Torp', 'O"Brien\\Śmith', '12 Main Street', 'Zürich', ''])
  const sealed = { v: 1, kid: 'pii', wk: [['pii', randomBytes(184).toString('base64')]], ct: randomBytes(300).toString('base64') }

  it('finds a long value anywhere in a cell', () => {
    expect(scanner.inCell('lives at 12 Main Street, Zürich')).toEqual(['12 Main Street', 'Zürich'])
    expect(scanner.inCell('999-12-3456')).toEqual(['999-12-3456'])
  })

  it('finds a short value only as a whole cell', () => {
    expect(scanner.inCell('Torp')).toEqual(['Torp'])
    expect(scanner.inCell('Torpedo')).toEqual([])
  })

  it('finds nothing in tokens, placeholders, empty cells and sealed envelopes', () => {
    const cells = [`~AbCd.${randomBytes(32).toString('base64url')}`, '*', '', '9999-12-31']
    expect(cells.flatMap((cell) => scanner.inCell(cell))).toEqual([])
    expect(scanner.inEnvelope(JSON.stringify(sealed))).toEqual([])
  })

  it('finds a value planted in an envelope: as it is, escaped, as a key, in depth, or merely encoded in Base64', () => {
    const base64 = Buffer.from('{"address":"12 Main Street"}').toString('base64')
    for (const [planted, value] of [
      [{ ...sealed, hint: 'ssn 999-12-3456' }, '999-12-3456'],
      [{ ...sealed, hint: 'O"Brien\\Śmith' }, 'O"Brien\\Śmith'],
      [{ ...sealed, Zürich: 1 }, 'Zürich'],
      [{ ...sealed, wk: [['pii', 'Zürich']] }, 'Zürich'],
      [{ ...sealed, ct: base64 }, '12 Main Street'],
    ] as const) {
      expect(scanner.inEnvelope(JSON.stringify(planted))).toEqual([value])
    }
  })
})
