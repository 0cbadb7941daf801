import { describe, expect, it } from 'vitest'
import { readAnnotation } from './annotation.ts'

describe('the options of annotations', () => {
  it('has defaults for all of them', () => {
    expect(readAnnotation('@encrypted')).toEqual({ kind: 'encrypted', searchable: false, normalize: [], scope: [] })
    expect(readAnnotation('@envelope()')).toEqual({ kind: 'envelope', bind: [] })
    expect(readAnnotation('a comment')).toBeUndefined()
  })

  it('reads them all', () => {
    expect(
      readAnnotation('@encrypted(searchable, normalize: [nfkc, trim, lowercase], index: email, scope: [tenantId], as: "e-mail")'),
    ).toEqual({
      kind: 'encrypted',
      searchable: true,
      normalize: ['nfkc', 'trim', 'lowercase'],
      index: 'email',
      scope: ['tenantId'],
      as: 'e-mail',
    })
    expect(readAnnotation('@encrypted(searchable: false, placeholder: "-")')).toMatchObject({
      searchable: false,
      placeholder: { kind: 'string', text: '-' },
    })
    expect(readAnnotation('@envelope(bind: [tenantId, "ward"], as: patients)')).toEqual({
      kind: 'envelope',
      bind: ['tenantId', 'ward'],
      as: 'patients',
    })
  })

  it.each([
    ['@encrypted(serchable)', 'unknown option "serchable" of @encrypted; did you mean "searchable"?'],
    ['@encrypted(foo)', 'known are searchable, normalize, index, scope, placeholder, as'],
    ['@encrypted(bind: [a])', 'unknown option "bind" of @encrypted'],
    ['@envelope(binds: [a])', 'did you mean "bind"?'],
    ['@encrypted(searchable, searchable)', '"searchable" appears twice'],
    ['@encrypted(searchable: yes)', 'searchable takes no value'],
    ['@encrypted(searchable, normalize: [trin])', 'unknown normalization "trin"; did you mean "trim"?'],
    ['@encrypted(searchable, normalize: lowercase)', '"normalize" takes a list: normalize: […]'],
    ['@encrypted(searchable, normalize: [trim, trim])', '"normalize" names trim twice'],
    ['@encrypted(searchable, index)', '"index" needs a value'],
    ['@encrypted(searchable, index: 4)', 'a name is expected here'],
    ['@encrypted(as: "")', '1 to 255 characters'],
    ['@encrypted(as: "a\\u0000")', 'no control characters'],
    ['@encrypted(normalize: [trim])', 'write @encrypted(searchable, normalize: …)'],
    ['@encrypted(index: email)', 'write @encrypted(searchable, index: …)'],
    ['@encrypted(scope: [a])', 'write @encrypted(searchable, scope: …)'],
    ['@encrypted(searchable, placeholder: "x")', 'a searchable field holds tokens, never its placeholder'],
    ['@encrypted and @encrypted', '@encrypted appears twice; keep one'],
    ['@encrypted\n@envelope', 'either @encrypted or the @envelope'],
  ])('refuses %s', (comment, message) => {
    expect(() => readAnnotation(comment)).toThrow(message)
  })
})
