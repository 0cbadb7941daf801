import { createSecretKey } from 'node:crypto'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { BoundValue } from './contract.ts'
import { createTokenizer, isToken, TOKEN_LENGTH } from './token.ts'

const key = Buffer.alloc(32, 7)
const tokenizer = createTokenizer('AbC-', createSecretKey(key))
const email = { index: 'Patient.email', normalize: [], scope: [] } as const
const tenant = (value: string | null): readonly BoundValue[] => [{ column: 'tenant_id', tag: 'i', value }]

test('every token has 49 characters and the shape of one', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (value) => {
      const token = tokenizer.token(email, value, [])
      expect(token).toHaveLength(TOKEN_LENGTH)
      expect(isToken(token)).toBe(true)
    }),
  )
})

test('what is not quite a token is none', () => {
  const token = tokenizer.token(email, 'x', [])
  const wrong = [
    `${token}A`,
    ` ${token}`,
    `${token}\n`,
    token.slice(1),
    token.slice(0, -1),
    `${token.slice(0, -1)}B`,
    token.replace('.', '-'),
    '*',
    '',
    null,
    undefined,
    49,
    [token],
  ]
  for (const value of wrong) expect(isToken(value)).toBe(false)
})

test('tokens of different indexes, values and scopes differ', () => {
  const tokens = [
    tokenizer.token(email, 'x', []),
    tokenizer.token({ ...email, index: 'Doctor.email' }, 'x', []),
    tokenizer.token(email, 'y', []),
    tokenizer.token(email, 'x', tenant('1')),
    tokenizer.token(email, 'x', tenant('2')),
    tokenizer.token(email, 'x', tenant(null)),
    tokenizer.token(email, 'x', [...tenant('1'), ...tenant('1')]),
    createTokenizer('AbC-', createSecretKey(Buffer.alloc(32, 8))).token(email, 'x', []),
  ]
  expect(new Set(tokens).size).toBe(tokens.length)
})

test('values that normalize alike share a token', () => {
  const search = { ...email, normalize: ['trim', 'lowercase', 'nfc'] } as const
  expect(tokenizer.token(search, ' ZOE\u0308 ', [])).toBe(tokenizer.token(search, 'zo\u00eb', []))
})

test('an index name that HKDF can not take is refused', () => {
  expect(() => tokenizer.token({ ...email, index: 'x'.repeat(1000) }, 'x', [])).toThrow(
    expect.objectContaining({ code: 'CONFIG' }),
  )
})

test('inspecting a tokenizer shows no key', () => {
  expect(inspect(tokenizer, { depth: 9, showHidden: true })).not.toContain('07 07')
})
