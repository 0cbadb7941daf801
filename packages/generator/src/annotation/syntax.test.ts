import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { annotationsIn } from './syntax.ts'
import { AnnotationError } from './tokens.ts'

function failure(comment: string): string {
  try {
    annotationsIn(comment)
  } catch (error) {
    if (error instanceof AnnotationError) return error.within(comment)
    throw error
  }
  throw new Error('no slip was found')
}

/** Where a comment slips, 0 where it does not. */
function offsetOfSlip(comment: string): number {
  try {
    annotationsIn(comment)
    return 0
  } catch (error) {
    if (error instanceof AnnotationError) return error.offset
    throw error
  }
}

describe('the syntax of annotations', () => {
  it('finds an annotation between other text', () => {
    expect(annotationsIn('Where we write to. @encrypted(searchable) See the manual (page 3).')).toMatchObject([
      { name: 'encrypted', offset: 19, options: [{ name: 'searchable' }] },
    ])
    expect(annotationsIn('@encrypted.')).toMatchObject([{ name: 'encrypted', options: [] }])
  })

  it('reads names, strings, numbers, lists and objects, over several lines and with commas at the end', () => {
    const comment = `@encrypted(
      a: email, b: "x, \\"y\\")", c: -1.50e3, d: [tenantId, "ward",], e: { k: [1], "l m": null, },
    )`
    expect(annotationsIn(comment)).toMatchObject([
      {
        options: [
          { name: 'a', value: { kind: 'name', text: 'email' } },
          { name: 'b', value: { kind: 'string', text: 'x, "y")' } },
          { name: 'c', value: { kind: 'number', text: '-1.50e3' } },
          { name: 'd', value: { kind: 'list', items: [{ text: 'tenantId' }, { text: 'ward' }] } },
          {
            name: 'e',
            value: {
              kind: 'object',
              entries: [
                ['k', { kind: 'list' }],
                ['l m', { kind: 'name', text: 'null' }],
              ],
            },
          },
        ],
      },
    ])
  })

  it('takes addresses, quoted text and other tools’ annotations for text', () => {
    for (const comment of [
      'ada@encrypted.org',
      '`@encrypted`',
      '"@envelope"',
      '@zod.string()',
      '@deprecated',
      '@TypeGraphQL.omit(output: true)',
    ]) {
      expect(annotationsIn(comment)).toEqual([])
    }
  })

  it('refuses a misspelt annotation, which would leave plaintext without a word', () => {
    for (const slip of ['@encrpyted', '@Encrypted', '@encrypt', '@encryption', '@enveloppe']) {
      expect(failure(`text ${slip}(x)`)).toContain(`${slip} is unknown; did you mean @`)
    }
  })

  it('points at the place of a slip', () => {
    expect(failure('first line\n@encrypted(searchable normalize: [trim])')).toBe(
      '"," or ")" is expected here, not "normalize"\n  /// @encrypted(searchable normalize: [trim])\n                            ^',
    )
  })

  it.each([
    ['@encrypted(', 'the name of an option is expected here, not the end of the comment'],
    ['@encrypted(searchable', '"," or ")" is expected'],
    ['@encrypted(,)', 'the name of an option is expected here, not ","'],
    ['@encrypted(a: )', 'a value is expected here, not ")"'],
    ['@encrypted(a: [b c])', '"," or "]" is expected here, not "c"'],
    ['@encrypted(a: { b })', '":" is expected here, not "}"'],
    ['@encrypted(a: { b: 1, b: 2 })', 'the key b appears twice'],
    ['@encrypted(a: "open)', 'a string must be closed'],
    ['@encrypted(a: "\\q")', 'the escapes of JSON'],
    ["@encrypted(a: 'x')", 'double quotes'],
    ['@encrypted(a = 1)', '= is not expected here'],
    ['@encrypted (searchable)', 'without a space'],
    ['@encrypted(searchable(scope: [a]))', 'options stand side by side'],
  ])('refuses %s', (comment, message) => {
    expect(failure(comment)).toContain(message)
  })

  it('reads back every string of JSON', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(annotationsIn(`@encrypted(as: ${JSON.stringify(text)})`)).toMatchObject([
          { options: [{ value: { kind: 'string', text } }] },
        ])
      }),
    )
  })

  it('either reads a comment or says where it slips', () => {
    const piece = fc.constantFrom(
      '@encrypted',
      '@envelope',
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      ',',
      ':',
      '"',
      'a',
      '1',
      ' ',
      '\n',
      '@',
      "'",
      '\\',
      '😀',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const comment = pieces.join('')
        expect(offsetOfSlip(comment)).toBeLessThanOrEqual(comment.length)
      }),
    )
  })
})
