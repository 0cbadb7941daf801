import { describe, expect, it } from 'vitest'
import { blocksOf, numbersOfDefault } from './schema-text.ts'

describe('the text of a schema', () => {
  it('has blocks, members and comments, whatever stands in strings', () => {
    const blocks = blocksOf(`
/// doc of A
model A { // remark
  /// one
  // plain

  /// two
  id String @id @default("a // /// } b") /// three // x
  /* four
     five */
  @@index([id])
  // @encrypted
}

view V {
  id Int @unique
  /// dangling
}\r
`)
    expect(blocks).toEqual([
      {
        kind: 'model',
        name: 'A',
        comments: { documentation: 'doc of A', remarks: 'remark' },
        members: [
          {
            name: 'id',
            source: 'id String @id @default("a // /// } b")',
            comments: { documentation: 'one\ntwo\nthree // x', remarks: 'plain' },
          },
          { name: undefined, source: '@@index([id])', comments: { documentation: 'four\n     five', remarks: '' } },
          { name: undefined, source: '', comments: { documentation: '', remarks: '@encrypted' } },
        ],
      },
      {
        kind: 'view',
        name: 'V',
        comments: { documentation: '', remarks: '' },
        members: [
          { name: 'id', source: 'id Int @unique', comments: { documentation: '', remarks: '' } },
          { name: undefined, source: '', comments: { documentation: 'dangling', remarks: '' } },
        ],
      },
    ])
  })

  it('keeps every digit of a default', () => {
    expect(numbersOfDefault('a Decimal @map("x 5") @default(-1.2345678901234567890) @db.Decimal(65, 30)')).toEqual([
      '-1.2345678901234567890',
    ])
    expect(numbersOfDefault('a Decimal[] @default([1.10, 2])')).toEqual(['1.10', '2'])
    expect(numbersOfDefault('a String @default("12")')).toEqual([])
    expect(numbersOfDefault('a Int')).toEqual([])
  })
})
