import { afterEach, describe, expect, it, vi } from 'vitest'
import { fakeKms } from '../../test/fake-kms.ts'
import { createKeyring } from './keyring.ts'

const refusal = (message: RegExp): unknown => expect.objectContaining({ code: 'CONFIG', message: expect.stringMatching(message) })

afterEach(() => {
  vi.unstubAllEnvs()
})

describe('the keyring', () => {
  it('finds current and other providers by name', () => {
    const [pii, old] = [fakeKms('pii'), fakeKms('pii-2023')]
    const keyring = createKeyring({ current: pii, others: [old] })
    expect(keyring.current).toBe(pii)
    expect(keyring.names).toEqual(['pii', 'pii-2023'])
    expect(keyring.provider('pii-2023')).toBe(old)
  })

  it('says how to add a key that it does not know', () => {
    const keyring = createKeyring({ current: fakeKms() })
    expect(() => keyring.provider('older')).toThrow(
      expect.objectContaining({ code: 'KEY_UNKNOWN', message: expect.stringMatching(/"older".*keys\.others/) }),
    )
    expect(() => keyring.provider('__proto__')).toThrow(expect.objectContaining({ code: 'KEY_UNKNOWN' }))
  })

  describe('with a minimumKey', () => {
    const providers = { current: fakeKms('next'), others: [fakeKms('pii'), fakeKms('older'), fakeKms('oldest')] }

    it('refuses rows under keys that stand after it, and says how to move them', () => {
      const keyring = createKeyring({ ...providers, minimumKey: 'pii' })
      expect(keyring.active).toEqual(['next', 'pii'])
      for (const name of ['next', 'pii']) expect(keyring.providerOfRows(name).name).toBe(name)
      for (const name of ['older', 'oldest']) {
        expect(() => keyring.providerOfRows(name)).toThrow(
          expect.objectContaining({ code: 'KEY_RETIRED', message: expect.stringMatching(/prisma-envelope-cli rotate/) }),
        )
        // An index key may be wrapped by any.
        expect(keyring.provider(name).name).toBe(name)
      }
      expect(() => keyring.providerOfRows('unknown')).toThrow(expect.objectContaining({ code: 'KEY_UNKNOWN' }))
    })

    it('refuses none without it, or where it is the last', () => {
      for (const keyring of [createKeyring(providers), createKeyring({ ...providers, minimumKey: 'oldest' })]) {
        expect(keyring.active).toEqual(keyring.names)
        expect(keyring.providerOfRows('oldest').name).toBe('oldest')
      }
    })

    it('wants a name of the keyring', () => {
      expect(() => createKeyring({ ...providers, minimumKey: 'nobody' })).toThrow(refusal(/minimumKey.*next, pii, older, oldest/))
    })
  })

  it('does not repeat what a hostile envelope gives as a name', () => {
    const keyring = createKeyring({ current: fakeKms() })
    expect(() => keyring.provider('<b>secret</b>')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    )
  })

  it('refuses two providers of one name', () => {
    expect(() => createKeyring({ current: fakeKms('a'), others: [fakeKms('a')] })).toThrow(refusal(/Two .*"a"/))
  })

  it.each(['', 'ä', 'a b', 'a/b', 'x'.repeat(33), 'pii\n'])('refuses the name %j', (name) => {
    expect(() => createKeyring({ current: fakeKms(name) })).toThrow(refusal(/1 to 32 characters/))
  })

  it('refuses what is no provider', () => {
    expect(() => createKeyring(JSON.parse('{"current":{"name":"pii"}}'))).toThrow(refusal(/key providers/))
    expect(() => createKeyring(JSON.parse('{"current":null}'))).toThrow(refusal(/key providers/))
  })

  it('refuses an insecure provider under NODE_ENV=production, wherever it stands', () => {
    const insecure = fakeKms('test', { insecure: true })
    vi.stubEnv('NODE_ENV', 'production')
    expect(() => createKeyring({ current: insecure })).toThrow(refusal(/production/))
    expect(() => createKeyring({ current: fakeKms(), others: [insecure] })).toThrow(refusal(/production/))
    vi.stubEnv('NODE_ENV', 'test')
    expect(createKeyring({ current: insecure }).current).toBe(insecure)
  })

  it('refuses an insecure provider beside a real one', () => {
    const insecure = fakeKms('test', { insecure: true })
    expect(() => createKeyring({ current: insecure, others: [fakeKms()] })).toThrow(refusal(/beside/))
    expect(() => createKeyring({ current: fakeKms(), others: [insecure] })).toThrow(refusal(/beside/))
    expect(createKeyring({ current: insecure, others: [fakeKms('b', { insecure: true })] }).names).toHaveLength(2)
  })
})
