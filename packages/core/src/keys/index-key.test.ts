import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type FakeKms, fakeKms } from '../../test/fake-kms.ts'
import { EnvelopeError } from '../errors.ts'
import { indexContext, rowContext } from './context.ts'
import { createIndexKey, parseIndexKey } from './index-key.ts'
import { createKeys } from './key-service.ts'
import { createKeyring } from './keyring.ts'

function keysWith(kms: FakeKms, line: string, others: readonly FakeKms[] = []) {
  return createKeys({ keyring: createKeyring({ current: kms, others }), indexKey: { current: line } })
}

describe('createIndexKey', () => {
  it('returns one printable line that holds id, key name and wrapped key', async () => {
    const kms = fakeKms('pii.eu')
    const line = await createIndexKey({ current: kms })
    const { id, kid, wrapped } = parseIndexKey(line)
    expect(line).toMatch(/^pei1\.[\w-]{4}\.pii\.eu\.[\w-]+$/)
    expect(kid).toBe('pii.eu')
    const key = await kms.unwrap(wrapped, indexContext)
    expect(key).toHaveLength(32)
    const mac = createHmac('sha256', key).update('prisma-envelope:v1:index-key-id').digest('base64url')
    expect(id).toBe(mac.slice(0, 4))
  })

  it('leaves no key in memory', async () => {
    const kms = fakeKms()
    await createIndexKey({ current: kms })
    expect(kms.handedOut).toEqual([new Uint8Array(32)])
  })
})

describe('the index key', () => {
  it('is unwrapped at first use, once for all who ask, and kept', async () => {
    const kms = fakeKms()
    const line = await createIndexKey({ current: kms })
    const keys = keysWith(kms, line)
    expect(kms.calls.unwrap).toBe(0)
    const all = await Promise.all(Array.from({ length: 100 }, () => keys.indexKey()))
    for (const { key } of all) key.release()
    const again = await keys.indexKey()
    expect(kms.calls.unwrap).toBe(1)
    expect(again.id).toBe(parseIndexKey(line).id)
    expect(again.key.bytes).toHaveLength(32)
    expect(again.key.bytes).not.toEqual(new Uint8Array(32))
  })

  it('is asked for again after a failure', async () => {
    const kms = fakeKms()
    const keys = keysWith(kms, await createIndexKey({ current: kms }))
    kms.during = () => Promise.reject(new EnvelopeError('ACCESS_DENIED', 'Not any more'))
    await expect(keys.indexKey()).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    kms.during = () => Promise.resolve()
    expect((await keys.indexKey()).key.bytes).toHaveLength(32)
  })

  it('is unwrapped by the provider that its line names', async () => {
    const [old, current] = [fakeKms('old'), fakeKms('new')]
    const line = await createIndexKey({ current: old })
    const keys = keysWith(current, line, [old])
    await keys.indexKey()
    expect([old.calls.unwrap, current.calls.unwrap]).toEqual([1, 0])
  })

  it('is refused at once if its provider is not in the keyring', async () => {
    const line = await createIndexKey({ current: fakeKms('gone') })
    expect(() => keysWith(fakeKms(), line)).toThrow(
      expect.objectContaining({ code: 'CONFIG', message: expect.stringMatching(/"gone".*keys\.others/) }),
    )
  })

  it('is refused if its id belongs to another key', async () => {
    const kms = fakeKms()
    const [one, two] = [await createIndexKey({ current: kms }), await createIndexKey({ current: kms })]
    const mixed = `pei1.${parseIndexKey(one).id}.pii.${two.split('.')[3]}`
    await expect(keysWith(kms, mixed).indexKey()).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringMatching(/another key/),
    })
    expect(kms.handedOut.every((key) => key.every((byte) => byte === 0))).toBe(true)
  })

  it('is refused if it was wrapped as the key of rows, or altered', async () => {
    const kms = fakeKms()
    const rowKey = Buffer.from(await kms.wrap(new Uint8Array(32), rowContext('Patient'))).toString('base64url')
    await expect(keysWith(kms, `pei1.AAAA.pii.${rowKey}`).indexKey()).rejects.toMatchObject({ code: 'CONFIG' })
  })

  it.each(['', 'pei1', 'pei2.AAAA.pii.AAAA', 'pei1.AAA.pii.AAAA', 'pei1.AAAA..AAAA', 'pei1.AAAA.pii.', 'pei1.AAAA.pii.AA=='])(
    'is refused as %j, naming what to do',
    (line) => {
      expect(() => parseIndexKey(line)).toThrow(
        expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining('createIndexKey(keys)') }),
      )
    },
  )

  it('is refused with white space around it, and in a base64 that is not canonical', async () => {
    const line = await createIndexKey({ current: fakeKms() })
    expect(() => parseIndexKey(`${line}\n`)).toThrow(/createIndexKey/)
    expect(() => parseIndexKey('pei1.AAAA.pii.AB')).toThrow(/createIndexKey/)
  })

  it('is asked for by name where it is missing', async () => {
    const keys = createKeys({ keyring: createKeyring({ current: fakeKms() }) })
    await expect(keys.indexKey()).rejects.toMatchObject({ code: 'CONFIG', message: expect.stringMatching(/indexKey is missing/) })
  })
})

describe('several index keys', () => {
  async function threeKeys(kms = fakeKms()) {
    const [current = '', ...others] = await Promise.all([1, 2, 3].map(() => createIndexKey({ current: kms })))
    return { kms, current, others, ids: [current, ...others].map((line) => parseIndexKey(line).id) }
  }

  it('come with the current one first, each unwrapped once for all who ask', async () => {
    const { kms, current, others, ids } = await threeKeys()
    const keys = createKeys({ keyring: createKeyring({ current: kms }), indexKey: { current, others } })
    expect(keys.indexKeyCount).toBe(3)
    expect(keys.readyIndexKeys()).toBeUndefined()
    const all = await Promise.all(Array.from({ length: 20 }, () => keys.indexKeys()))
    expect(all.map((each) => each.map(({ id }) => id))).toEqual(all.map(() => ids))
    expect(kms.calls.unwrap).toBe(3)
    expect(keys.readyIndexKeys()?.map(({ id }) => id)).toEqual(ids)
    expect(kms.calls.unwrap).toBe(3)
  })

  it('are not unwrapped for what needs the current one alone', async () => {
    const { kms, current, others } = await threeKeys()
    const keys = createKeys({ keyring: createKeyring({ current: kms }), indexKey: { current, others } })
    expect((await keys.indexKey()).id).toBe(parseIndexKey(current).id)
    expect(kms.calls.unwrap).toBe(1)
    expect(keys.readyIndexKeys()).toBeUndefined()
  })

  it('may be wrapped by any key of the keyring', async () => {
    const [old, current] = [fakeKms('old'), fakeKms('new')]
    const lines = { current: await createIndexKey({ current }), others: [await createIndexKey({ current: old })] }
    const keys = createKeys({ keyring: createKeyring({ current, others: [old] }), indexKey: lines })
    expect(await keys.indexKeys()).toHaveLength(2)
    expect([old.calls.unwrap, current.calls.unwrap]).toEqual([1, 1])
    expect(() => createKeys({ keyring: createKeyring({ current }), indexKey: lines })).toThrow(
      expect.objectContaining({ code: 'CONFIG', message: expect.stringMatching(/indexKey\.others\[0\].*"old".*keys\.others/) }),
    )
  })

  it('are asked for again after a failure of one, and lend nothing meanwhile', async () => {
    const { kms, current, others, ids } = await threeKeys()
    const keys = createKeys({ keyring: createKeyring({ current: kms }), indexKey: { current, others } })
    let calls = 0
    kms.during = () => (++calls === 2 ? Promise.reject(new EnvelopeError('ACCESS_DENIED', 'Not any more')) : Promise.resolve())
    await expect(keys.indexKeys()).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    expect((await keys.indexKeys()).map(({ id }) => id)).toEqual(ids)
    expect(kms.calls.unwrap).toBe(4)
  })

  it('must have ids that differ', async () => {
    const { kms, current } = await threeKeys()
    expect(() => createKeys({ keyring: createKeyring({ current: kms }), indexKey: { current, others: [current] } })).toThrow(
      expect.objectContaining({ code: 'CONFIG', message: expect.stringMatching(/twice/) }),
    )
  })

  it('are refused by the place of the line that is none', async () => {
    const { kms, current, others } = await threeKeys()
    expect(() =>
      createKeys({ keyring: createKeyring({ current: kms }), indexKey: { current, others: [...others, 'pei1.x'] } }),
    ).toThrow(expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining('indexKey.others[2]') }))
  })
})
