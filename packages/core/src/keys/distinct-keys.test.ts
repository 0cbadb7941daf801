import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contextId, distinctKeys, keyId } from './distinct-keys.ts'

const request = fc.record({
  kid: fc.constantFrom('pii', 'pi', ''),
  wrapped: fc.constantFrom('AAAA', 'iAAAA', 'BBBB', ''),
  context: fc.constantFrom({ a: '1', b: '2' }, { b: '2', a: '1' }, { a: '1' }, {}, JSON.parse('{"__proto__":"1"}')),
})

describe('distinct keys', () => {
  it('cover every request once, and differ in key name, context or wrapped bytes', () => {
    const meaning = ({ kid, wrapped, context }: { kid: string; wrapped: string; context: Record<string, string> }): string =>
      JSON.stringify([kid, wrapped, Object.entries(context).toSorted(([a], [b]) => (a < b ? -1 : 1))])
    fc.assert(
      fc.property(fc.array(request), (requests) => {
        const distinct = distinctKeys(requests)
        expect(distinct.flatMap(({ places }) => places).toSorted((a, b) => a - b)).toEqual([...requests.keys()])
        expect(distinct).toHaveLength(new Set(requests.map(meaning)).size)
        for (const { request: first, places } of distinct) {
          for (const place of places) expect(meaning(requests[place] ?? first)).toBe(meaning(first))
        }
        const ids = distinct.map((key) => keyId(key.request.kid, key.context, key.request.wrapped))
        expect(new Set(ids).size).toBe(distinct.length)
        for (const { request: first, context } of distinct) expect(context).toBe(contextId(first.context))
      }),
    )
  })
})
