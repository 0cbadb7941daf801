import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type FakeKms, fakeKms } from '../../../test/fake-kms.ts'
import { EnvelopeError } from '../../errors.ts'
import { rowContext } from '../context.ts'
import type { KeyProvider } from '../key-provider.ts'
import { createKeys } from '../key-service.ts'
import { createKeyring } from '../keyring.ts'
import { joinForms, splitForms } from './key-forms.ts'
import { multiKey } from './multi-key.ts'

const context = rowContext('Patient')
const down = (): Promise<never> => Promise.reject(new EnvelopeError('UNAVAILABLE', 'down'))
const up = (): Promise<void> => Promise.resolve()

let east: FakeKms
let west: FakeKms
let pii: KeyProvider
let warned: unknown[]
beforeEach(() => {
  east = fakeKms('east')
  west = fakeKms('west')
  pii = multiKey('pii', east, west)
  warned = []
  vi.spyOn(process, 'emitWarning').mockImplementation((warning) => void warned.push(warning))
})
afterEach(() => {
  vi.restoreAllMocks()
})

function service(current = pii) {
  return createKeys({ keyring: createKeyring({ current }), cache: { maxEntries: 0 }, deadline: 60_000, kms: { maxAttempts: 1 } })
}

/** A key that some process has made: its bytes, and its wrapped form. */
async function made(current = pii) {
  const [sealing] = await service(current).forSealing({ context }, 1)
  if (sealing === undefined) throw new Error('no key')
  return { bytes: Uint8Array.from(sealing.key.bytes), wrapped: sealing.wrapped }
}

/** The bytes, or the code of what keeps the key from opening. */
async function open(wrapped: string, under = context, current = pii): Promise<Uint8Array | string | undefined> {
  const [outcome] = await service(current).forOpening([{ kid: 'pii', wrapped, context: under }])
  return outcome instanceof EnvelopeError ? outcome.code : outcome && Uint8Array.from(outcome.bytes)
}

describe('a key that several KMS keys wrap', () => {
  it('costs one call of each to make, and one of the first to open', async () => {
    const { bytes, wrapped } = await made()
    expect([east.calls, west.calls]).toEqual([
      { generateDataKey: 1, wrap: 0, unwrap: 0 },
      { generateDataKey: 0, wrap: 1, unwrap: 0 },
    ])
    expect(await open(wrapped)).toEqual(bytes)
    expect([east.calls.unwrap, west.calls.unwrap]).toEqual([1, 0])
    expect(warned).toEqual([])
  })

  it('opens by the second while the first does not answer', async () => {
    const { bytes, wrapped } = await made()
    east.during = down
    expect(await open(wrapped)).toEqual(bytes)
  })

  it('is made by the second while the first does not answer, with a warning, and opens by it alone', async () => {
    east.during = down
    const { bytes, wrapped } = await made()
    east.during = up
    expect(warned).toEqual([expect.stringContaining('"east"')])
    expect(await open(wrapped)).toEqual(bytes)
    expect([east.calls.unwrap, west.calls.unwrap]).toEqual([0, 1])
    await made()
    expect(warned).toHaveLength(1)
  })

  it('is made by the first while the second hangs, which nobody waits for long', async () => {
    const hanging = new Promise<never>(() => {})
    west.during = (signal) =>
      Promise.race([
        hanging,
        new Promise<never>((_, reject) => {
          signal?.addEventListener('abort', () => reject(new EnvelopeError('TIMEOUT', 'aborted')))
        }),
      ])
    const { bytes, wrapped } = await made()
    west.during = up
    expect(await open(wrapped)).toEqual(bytes)
  })

  it('is not made where one refuses, nor opened past a refusal; no bytes stay behind', async () => {
    const { wrapped } = await made()
    west.during = () => Promise.reject(new EnvelopeError('ACCESS_DENIED', 'no'))
    await expect(made()).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    expect(east.handedOut.at(-1)).toEqual(new Uint8Array(32))
    west.during = up
    east.during = () => Promise.reject(new EnvelopeError('KEY_DISABLED', 'disabled'))
    expect(await open(wrapped)).toBe('KEY_DISABLED')
    expect(west.calls.unwrap).toBe(0)
  })

  it('fails where none answers', async () => {
    east.during = down
    west.during = down
    await expect(made()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('opens what the first wrapped before by itself', async () => {
    const alone = fakeKms('pii')
    const { bytes, wrapped } = await made(alone)
    const together = multiKey('pii', alone, west)
    expect(await open(wrapped, context, together)).toEqual(bytes)
  })

  it('does not open under another context, by another key, or where any byte is altered', async () => {
    const { bytes, wrapped } = await made()
    expect(await open(wrapped, rowContext('Visit'))).toBe('CANNOT_OPEN')
    expect(await open(wrapped, context, multiKey('pii', fakeKms('east'), fakeKms('west')))).toBe('CANNOT_OPEN')
    expect(await open(wrapped, context, multiKey('pii', fakeKms('north'), fakeKms('south')))).toBe('KEY_UNKNOWN')
    const raw = Buffer.from(wrapped, 'base64')
    await fc.assert(
      fc.asyncProperty(fc.nat(raw.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        const altered = Buffer.from(raw)
        altered[at] = (altered[at] ?? 0) ^ mask
        // A form that is out of use may be altered unseen; what opens is the key all the same.
        expect(['CANNOT_OPEN', 'KEY_UNKNOWN', bytes]).toContainEqual(await open(altered.toString('base64')))
      }),
      { numRuns: 200 },
    )
  })

  it.each([
    ['one provider', () => multiKey('pii', east)],
    ['two of one name', () => multiKey('pii', east, fakeKms('east'))],
    ['a name that no envelope takes', () => multiKey('pii', east, fakeKms('with space'))],
  ])('is refused with %s', (_, make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'CONFIG' }))
  })
})

describe('joined forms', () => {
  const form = fc.record({
    name: fc.stringMatching(/^[A-Za-z0-9._-]{1,32}$/),
    wrapped: fc.uint8Array({ minLength: 1, maxLength: 300 }),
  })

  it('come apart as they were, and not at all where they are cut short', () => {
    fc.assert(
      fc.property(fc.array(form, { minLength: 1, maxLength: 4 }), fc.nat(), (forms, cut) => {
        const joined = joinForms(forms)
        expect(splitForms(joined)?.map(({ name, wrapped }) => ({ name, wrapped: Uint8Array.from(wrapped) }))).toEqual(forms)
        const whole = new Set<number>()
        let at = joinForms([]).length
        for (const { name, wrapped } of forms) whole.add((at += 3 + name.length + wrapped.length))
        const length = 10 + (cut % (joined.length - 10))
        fc.pre(!whole.has(length))
        expect(() => splitForms(joined.subarray(0, length))).toThrow(/cut short/)
      }),
    )
  })

  it('are nothing else', () => {
    expect(splitForms(new Uint8Array(60))).toBeUndefined()
    expect(splitForms(new Uint8Array(0))).toBeUndefined()
  })
})
