import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { insecureTestKeys, localKeys } from '../local.ts'

const key = Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')
const context = { 'prisma-envelope:table': 'Patient', tenant: '42' }
let folder: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'local-keys-'))
  file = join(folder, 'dev.key')
})
afterEach(() => {
  rmSync(folder, { recursive: true })
  vi.unstubAllEnvs()
})

const thrown = (code: string): object => expect.objectContaining({ code })

describe('localKeys', () => {
  it('generates, wraps and unwraps keys under their context', async () => {
    const keys = localKeys({ name: 'dev', key })
    const { plaintext, wrapped } = await keys.generateDataKey(context)
    expect(plaintext).toHaveLength(32)
    expect(await keys.unwrap(wrapped, { tenant: '42', 'prisma-envelope:table': 'Patient' })).toEqual(plaintext)
    const own = new Uint8Array(32).fill(5)
    const again = await keys.wrap(own, context)
    expect(again).toHaveLength(69)
    expect(await localKeys({ name: 'dev', key }).unwrap(again, context)).toEqual(own)
  })

  it('tells a wrong context from the key of another', async () => {
    const keys = localKeys({ name: 'dev', key })
    const { wrapped } = await keys.generateDataKey(context)
    for (const other of [
      {},
      { tenant: '42' },
      { ...context, tenant: '43' },
      { 'prisma-envelope:table': 'Patientt', enant: '42' },
    ]) {
      await expect(keys.unwrap(wrapped, other)).rejects.toEqual(thrown('CANNOT_OPEN'))
    }
    const another = localKeys({ name: 'dev', key: Buffer.alloc(32, 1).toString('base64') })
    await expect(another.unwrap(wrapped, context)).rejects.toEqual(thrown('KEY_UNKNOWN'))
  })

  it('does not unwrap what is altered or cut short at any byte', async () => {
    const keys = localKeys({ name: 'dev', key })
    const { wrapped } = await keys.generateDataKey(context)
    await fc.assert(
      fc.asyncProperty(fc.nat(wrapped.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        const altered = wrapped.with(at, (wrapped[at] ?? 0) ^ mask)
        const expected = at >= 1 && at <= 8 ? 'KEY_UNKNOWN' : 'CANNOT_OPEN'
        await expect(keys.unwrap(altered, context)).rejects.toEqual(thrown(expected))
      }),
      { numRuns: 500 },
    )
    for (let length = 0; length < wrapped.length; length += 1) {
      await expect(keys.unwrap(wrapped.subarray(0, length), context)).rejects.toEqual(thrown('CANNOT_OPEN'))
    }
  })

  it('makes a key file of mode 0600 when told to, and reads it ever after', async () => {
    const { wrapped, plaintext } = await localKeys({ name: 'dev', file, create: true }).generateDataKey(context)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder)).toEqual(['dev.key'])
    expect(await localKeys({ name: 'dev', file, create: true }).unwrap(wrapped, context)).toEqual(plaintext)
    expect(await localKeys({ name: 'dev', file }).unwrap(wrapped, context)).toEqual(plaintext)
  })

  it('refuses a file that is missing, reachable by others, or no key, without quoting it', () => {
    expect(() => localKeys({ name: 'dev', file })).toThrow(thrown('CONFIG'))
    expect(() => localKeys({ name: 'dev', file: join(folder, 'none', 'dev.key'), create: true })).toThrow(thrown('CONFIG'))
    writeFileSync(file, `${key}\n`, { mode: 0o600 })
    for (const mode of [0o640, 0o604, 0o620, 0o666]) {
      chmodSync(file, mode)
      expect(() => localKeys({ name: 'dev', file })).toThrow(/chmod 600/)
    }
    chmodSync(file, 0o600)
    expect(() => localKeys({ name: 'dev', file })).not.toThrow()
    for (const text of ['0 0 0', 'secret-but-no-key', key.slice(4), `${key}${key}`]) {
      writeFileSync(file, text)
      const error = (() => {
        try {
          return localKeys({ name: 'dev', file })
        } catch (caught) {
          return caught
        }
      })()
      expect(error).toEqual(thrown('CONFIG'))
      expect(inspect(error)).not.toContain(text)
      expect(readFileSync(file, 'utf8')).toBe(text)
    }
  })

  it('refuses a key that is missing or not 32 bytes, and wrong names', () => {
    // @ts-expect-error neither file nor key
    expect(() => localKeys({ name: 'dev' })).toThrow(thrown('CONFIG'))
    // @ts-expect-error both file and key
    expect(() => localKeys({ name: 'dev', file, key })).toThrow(thrown('CONFIG'))
    expect(() => localKeys({ name: 'dev', key: 'short' })).toThrow(thrown('CONFIG'))
    expect(() => localKeys({ name: 'no spaces', key })).toThrow(thrown('CONFIG'))
  })

  it('is TIMEOUT when the signal is aborted, and refuses an empty key', async () => {
    const keys = localKeys({ name: 'dev', key })
    const signal = AbortSignal.abort()
    await expect(keys.generateDataKey(context, { signal })).rejects.toEqual(thrown('TIMEOUT'))
    await expect(keys.wrap(new Uint8Array(32), context, { signal })).rejects.toEqual(thrown('TIMEOUT'))
    await expect(keys.unwrap(new Uint8Array(69), context, { signal })).rejects.toEqual(thrown('TIMEOUT'))
    await expect(keys.wrap(new Uint8Array(0), context)).rejects.toEqual(thrown('CONFIG'))
  })

  it('shows no key bytes when inspected or serialized', () => {
    for (const provider of [localKeys({ name: 'dev', key }), insecureTestKeys()]) {
      const text = inspect(provider, { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: true })
      expect(text).not.toMatch(/KeyObject|Uint8Array|Buffer|0123456789abcdef/)
      expect(text).not.toContain(key)
      expect(Object.keys(JSON.parse(JSON.stringify(provider)) as object)).toEqual(
        provider.insecure ? ['name', 'insecure'] : ['name'],
      )
    }
  })
})

describe('insecureTestKeys', () => {
  it('say that they are insecure, and open in the next run what they wrapped in this one', async () => {
    const keys = insecureTestKeys()
    expect(keys.insecure).toBe(true)
    expect(keys.name).toBe('insecure-test')
    const { plaintext, wrapped } = await keys.generateDataKey(context)
    expect(await insecureTestKeys({ name: 'other' }).unwrap(wrapped, context)).toEqual(plaintext)
    await expect(keys.unwrap(wrapped, {})).rejects.toEqual(thrown('CANNOT_OPEN'))
  })

  it('refuse to work in production', () => {
    vi.stubEnv('NODE_ENV', 'production')
    expect(() => insecureTestKeys()).toThrow(thrown('CONFIG'))
  })
})
