import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createTestKeys } from '../../test/in-memory-keys.ts'
import { EnvelopeError } from '../errors.ts'
import { rowContext } from '../keys/context.ts'
import type { Keys, SealingKey } from '../keys/contract.ts'
import type { Json } from '../plan.ts'
import type { BoundValue, Envelope, OpenedRow, RowToOpen, RowToSeal } from './contract.ts'
import { isContext } from './format.ts'
import { createRowCipher } from './row-cipher.ts'

const id = (value: string): readonly BoundValue[] => [{ column: 'id', tag: 's', value }]
const patient = (n: number): RowToSeal => ({ table: 'Patient', binding: id(`p${n}`), record: { name: `Ada ${n}`, email: null } })
const toOpen = ({ table, binding }: RowToSeal, envelope: unknown): RowToOpen => ({ table, binding, envelope })

function opened(results: readonly (OpenedRow | EnvelopeError)[]): readonly OpenedRow[] {
  return results.map((result) => {
    if (result instanceof EnvelopeError) throw result
    return result
  })
}

async function codeOf(keys: Keys, row: RowToOpen): Promise<string> {
  const [result] = await createRowCipher({ keys }).open([row])
  return result instanceof EnvelopeError ? result.code : 'opened'
}

/** As a jsonb column gives it back. */
const stored = (envelope: Envelope): Record<string, unknown> => JSON.parse(JSON.stringify(envelope)) as Record<string, unknown>

describe('sealing and opening', () => {
  for (const mode of ['branch', 'direct'] as const) {
    test(`in ${mode} mode gives every row back in its place`, async () => {
      const keys = createTestKeys({ mode, maxRows: 3 })
      const cipher = createRowCipher({ keys, context: { tenant: '42' } })
      const rows = Array.from({ length: 8 }, (_, n) => ({ ...patient(n), table: n % 2 === 0 ? 'Patient' : 'Doctor' }))
      const envelopes = await cipher.seal(rows)
      const results = opened(await cipher.open(rows.map((row, n) => toOpen(row, stored(envelopes[n] as Envelope)))))
      expect(results.map(({ record }) => ({ ...record }))).toEqual(rows.map(({ record }) => record))
      expect(results.map(({ envelope }) => envelope)).toEqual(envelopes)
      expect(keys.onLoan()).toBe(0)
    })
  }

  test('round-trips any JSON under any identities', async () => {
    const keys = createTestKeys()
    const cipher = createRowCipher({ keys })
    const records = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue() as fc.Arbitrary<Json>)
    await fc.assert(
      fc.asyncProperty(records, async (record) => {
        const row = { table: 'T', binding: [], record }
        const [envelope] = await cipher.seal([row])
        const [result] = opened(await cipher.open([toOpen(row, stored(envelope as Envelope))]))
        const spelled = (fields: object): unknown =>
          JSON.parse(JSON.stringify(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))))
        expect(spelled(result?.record ?? {})).toEqual(spelled(record))
      }),
    )
    expect(keys.onLoan()).toBe(0)
  })

  test('gives every row a key and nonces of its own', async () => {
    const cipher = createRowCipher({ keys: createTestKeys() })
    const row = patient(1)
    const envelopes = await cipher.seal(Array.from({ length: 500 }, () => row))
    const parts = envelopes.flatMap(({ dek = '', ct }) => [dek, dek.slice(0, 16), dek.slice(16, 60), ct, ct.slice(0, 16)])
    expect(new Set(parts).size).toBe(parts.length)
  })

  test('uses each sealing key for as many rows as it is for, in order', async () => {
    const keys = createTestKeys({ maxRows: 2 })
    const envelopes = await createRowCipher({ keys }).seal([0, 1, 2, 3, 4].map(patient))
    const [a, b, c, d, e] = envelopes.map(({ wk }) => wk)
    expect([a === b, b === c, c === d, d === e]).toEqual([true, false, true, false])
  })

  test('asks for the keys of each table under its own context, once', async () => {
    const keys = createTestKeys()
    const cipher = createRowCipher({ keys, context: { tenant: '42' } })
    await cipher.seal([patient(1), { ...patient(2), table: 'Doctor' }, patient(3)])
    expect(keys.sealedUnder).toEqual([rowContext('Patient', { tenant: '42' }), rowContext('Doctor', { tenant: '42' })])
  })

  test('asks for each distinct wrapped key once a read, whatever the order of rows', async () => {
    const keys = createTestKeys({ maxRows: 2 })
    const cipher = createRowCipher({ keys })
    const rows = [0, 1, 2, 3, 4, 5].map(patient)
    const envelopes = await cipher.seal(rows)
    const shuffled = [0, 2, 4, 1, 3, 5].map((n) => toOpen(patient(n), stored(envelopes[n] as Envelope)))
    opened(await cipher.open(shuffled))
    expect(keys.asked.map(({ length }) => length)).toEqual([3])
  })

  test('of nothing asks for nothing', async () => {
    const keys = createTestKeys()
    const cipher = createRowCipher({ keys })
    expect(await cipher.seal([])).toEqual([])
    expect(await cipher.open([])).toEqual([])
    expect(await cipher.open([toOpen(patient(1), {})])).toHaveLength(1)
    expect([keys.sealedUnder, keys.asked]).toEqual([[], []])
  })

  test('takes 10 MB of text in one field', async () => {
    const cipher = createRowCipher({ keys: createTestKeys() })
    const row = { ...patient(1), record: { notes: 'ü'.repeat(5 * 1024 * 1024) } }
    const [envelope] = await cipher.seal([row])
    const [result] = opened(await cipher.open([toOpen(row, stored(envelope as Envelope))]))
    expect(result?.record['notes'] === row.record.notes).toBe(true)
  })

  test('takes 200 fields', async () => {
    const cipher = createRowCipher({ keys: createTestKeys() })
    const record = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`field_${n}`, `value ${n}`]))
    const row = { ...patient(1), record }
    const [envelope] = await cipher.seal([row])
    const [result] = opened(await cipher.open([toOpen(row, stored(envelope as Envelope))]))
    expect({ ...result?.record }).toEqual(record)
  })

  test('writes at most 700 bytes for 4 fields of 32 bytes and a wrapped key of 201', async () => {
    const keys = createTestKeys()
    const wrapped = Buffer.alloc(201, 1).toString('base64')
    const sized: Keys = {
      ...keys,
      forSealing: async (scope, rows) => (await keys.forSealing(scope, rows)).map((key) => ({ ...key, wrapped })),
    }
    const value = 'x'.repeat(32)
    const [envelope] = await createRowCipher({ keys: sized }).seal([
      { ...patient(1), record: { email: value, full_name: value, ssn: value, phone: value } },
    ])
    const json = JSON.stringify(envelope)
    expect(Object.keys(envelope as Envelope)).toEqual(['v', 'kid', 'fs', 'wk', 'dek', 'ct'])
    expect(json.length).toBeLessThanOrEqual(700)
  })

  test('a record has no fields of its own but those that were sealed', async () => {
    const cipher = createRowCipher({ keys: createTestKeys() })
    const row = patient(1)
    const [envelope] = await cipher.seal([row])
    const [result] = opened(await cipher.open([toOpen(row, envelope)]))
    expect(Object.keys(result?.record ?? {}).sort()).toEqual(Object.keys(row.record).sort())
  })
})

describe('what does not open', () => {
  const fields = ['wk', 'dek', 'ct'] as const

  for (const mode of ['branch', 'direct'] as const) {
    test(`in ${mode} mode: every flipped bit of every byte, as CANNOT_OPEN`, async () => {
      const keys = createTestKeys({ mode })
      const cipher = createRowCipher({ keys })
      const row = patient(1)
      const [envelope] = await cipher.seal([row])
      const damaged: RowToOpen[] = []
      for (const field of fields) {
        const text = (envelope as Envelope)[field]
        if (typeof text !== 'string') continue
        const bytes = Buffer.from(text, 'base64')
        for (let bit = 0; bit < bytes.length * 8; bit++) {
          const flipped = Buffer.from(bytes)
          flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
          damaged.push(toOpen(row, { ...envelope, [field]: flipped.toString('base64') }))
        }
      }
      const results = await cipher.open(damaged)
      expect(results.length).toBeGreaterThan(600)
      expect(new Set(results.map((result) => (result instanceof EnvelopeError ? result.code : 'opened')))).toEqual(
        new Set(['CANNOT_OPEN']),
      )
      expect(keys.onLoan()).toBe(0)
    })
  }

  test('any change of any character of the stored text', async () => {
    const keys = createTestKeys()
    const cipher = createRowCipher({ keys, context: { tenant: '42' } })
    const row = patient(1)
    const [envelope] = (await cipher.seal([row])) as [Envelope]
    const places = ['kid', 'fs', 'wk', 'dek', 'ct'] as const
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...places), fc.nat(), fc.string({ maxLength: 2 }), async (place, at, put) => {
        const text = envelope[place] as string
        const changed = text.slice(0, at % text.length) + put + text.slice((at % text.length) + 1)
        fc.pre(changed !== text)
        const code = await codeOf(keys, toOpen(row, { ...envelope, [place]: changed }))
        expect(place === 'kid' && code === 'KEY_UNKNOWN' ? 'CANNOT_OPEN' : code).toBe('CANNOT_OPEN')
      }),
      { numRuns: 1000 },
    )
  })

  test('every truncation', async () => {
    const keys = createTestKeys()
    const row = patient(1)
    const [envelope] = (await createRowCipher({ keys }).seal([row])) as [Envelope]
    for (const field of fields) {
      const text = envelope[field] as string
      for (let length = 0; length < text.length; length++) {
        expect(await codeOf(keys, toOpen(row, { ...envelope, [field]: text.slice(0, length) }))).toBe('CANNOT_OPEN')
      }
    }
  })

  test('another row, table, context or key', async () => {
    const keys = createTestKeys()
    const row = patient(1)
    const [envelope] = (await createRowCipher({ keys, context: { tenant: '42' } }).seal([row])) as [Envelope]
    const { ctx: _, ...withoutContext } = envelope
    const cases: RowToOpen[] = [
      toOpen(patient(2), envelope),
      toOpen({ ...row, binding: [] }, envelope),
      toOpen({ ...row, binding: [{ column: 'id', tag: 'u', value: 'p1' }] }, envelope),
      toOpen({ ...row, binding: [{ column: 'id', tag: 's', value: null }] }, envelope),
      toOpen({ ...row, binding: [...row.binding, ...row.binding] }, envelope),
      toOpen({ ...row, table: 'Doctor' }, envelope),
      toOpen(row, { ...envelope, ctx: { tenant: '43' } }),
      toOpen(row, withoutContext),
    ]
    for (const bad of cases) expect(await codeOf(keys, bad)).toBe('CANNOT_OPEN')
    expect(await codeOf(createTestKeys({ seed: 'another keyring' }), toOpen(row, envelope))).toBe('CANNOT_OPEN')
    expect(await codeOf(keys, toOpen(row, envelope))).toBe('opened')
  })

  test('bindings that differ anywhere', async () => {
    const bound = fc.record({
      column: fc.constantFrom('id', 'tenant', ''),
      tag: fc.constantFrom(...(['s', 'i', 'u'] as const)),
      value: fc.option(fc.constantFrom('', '1', '11', '\u0000\u0001')),
    })
    const bindings = fc.array(bound, { maxLength: 3 })
    const keys = createTestKeys()
    const cipher = createRowCipher({ keys })
    await fc.assert(
      fc.asyncProperty(bindings, bindings, async (sealedWith, openedWith) => {
        const row = { ...patient(1), binding: sealedWith }
        const [envelope] = await cipher.seal([row])
        const same = JSON.stringify(sealedWith) === JSON.stringify(openedWith)
        expect(await codeOf(keys, toOpen({ ...row, binding: openedWith }, envelope))).toBe(same ? 'opened' : 'CANNOT_OPEN')
      }),
      { numRuns: 500 },
    )
  })

  test('whatever a hostile database may hold', async () => {
    const keys = createTestKeys()
    const [envelope] = (await createRowCipher({ keys }).seal([patient(1)])) as [Envelope]
    const hostile = [
      undefined,
      'x'.repeat(1_000_000),
      Object.create(envelope),
      new Date(),
      Buffer.from('{}'),
      [envelope],
      () => envelope,
      Symbol('v'),
      1n,
    ]
    for (const value of hostile) expect(await codeOf(keys, toOpen(patient(1), value))).toBe('CANNOT_OPEN')
    await fc.assert(
      fc.asyncProperty(fc.anything({ withBigInt: true, withNullPrototype: true, withObjectString: true }), async (value) => {
        expect(await codeOf(keys, toOpen(patient(1), value))).toBe('CANNOT_OPEN')
      }),
    )
    const names = fc.constantFrom('v', 'kid', 'fs', 'ctx', 'wk', 'bk', 'dek', 'ct', '__proto__')
    await fc.assert(
      fc.asyncProperty(names, fc.anything(), async (name, value) => {
        const changed = Object.defineProperty({ ...envelope }, name, {
          value,
          enumerable: true,
          configurable: true,
          writable: true,
        })
        fc.pre(value !== Reflect.get(envelope, name))
        expect(['CANNOT_OPEN', 'KEY_UNKNOWN']).toContain(await codeOf(keys, toOpen(patient(1), changed)))
      }),
    )
  })

  test('tells no reason from another, and has no cause', async () => {
    const keys = createTestKeys()
    const cipher = createRowCipher({ keys })
    const [envelope] = (await cipher.seal([patient(1)])) as [Envelope]
    const errors = await cipher.open([
      toOpen(patient(2), envelope),
      toOpen(patient(1), { ...envelope, v: 2 }),
      toOpen(patient(1), null),
      toOpen(patient(1), { ...envelope, ct: `${envelope.ct.slice(0, -4)}AAAA` }),
    ])
    expect(new Set(errors.map((error) => (error instanceof EnvelopeError ? error.message : ''))).size).toBe(1)
    for (const error of errors) {
      expect(error).toMatchObject({ code: 'CANNOT_OPEN' })
      expect(error).not.toHaveProperty('cause')
    }
  })

  test('stands in its own place and does not keep the others from opening', async () => {
    const keys = createTestKeys({ mode: 'direct' })
    const cipher = createRowCipher({ keys })
    const envelopes = await cipher.seal([0, 1, 2].map(patient))
    const results = await cipher.open([0, 1, 2].map((n) => toOpen(patient(n), envelopes[n === 1 ? 0 : n])))
    expect(results.map((result) => (result instanceof EnvelopeError ? result.code : result.record['name']))).toEqual([
      'Ada 0',
      'CANNOT_OPEN',
      'Ada 2',
    ])
    expect(keys.onLoan()).toBe(0)
  })

  test('an older envelope of the same row DOES open: replay is beyond what a row can prove', async () => {
    const keys = createTestKeys()
    const [older] = await createRowCipher({ keys }).seal([patient(1)])
    expect(await codeOf(keys, toOpen(patient(1), older))).toBe('opened')
  })
})

describe('the key layer', () => {
  test('is the one whose errors are passed on as they are', async () => {
    for (const code of ['KEY_DISABLED', 'ACCESS_DENIED', 'THROTTLED', 'TIMEOUT', 'UNAVAILABLE'] as const) {
      const keys = createTestKeys()
      const cipher = createRowCipher({ keys })
      const [envelope] = await cipher.seal([patient(1)])
      keys.failing.set('pii', code)
      const [error] = await cipher.open([toOpen(patient(1), envelope)])
      expect(error).toMatchObject({ code, message: `the test KMS says ${code}` })
      await expect(cipher.seal([patient(1)])).rejects.toMatchObject({ code })
      expect(keys.onLoan()).toBe(0)
    }
  })

  test('that fails for one table leaves no key of another on loan', async () => {
    const keys = createTestKeys()
    const failing: Keys = {
      ...keys,
      forSealing: async (scope, rows) => {
        const taken = await keys.forSealing(scope, rows)
        if (scope.context['prisma-envelope:table'] !== 'Doctor') return taken
        for (const { key } of taken) key.release()
        throw new EnvelopeError('THROTTLED', 'slow down')
      },
    }
    await expect(createRowCipher({ keys: failing }).seal([patient(1), { ...patient(2), table: 'Doctor' }])).rejects.toMatchObject(
      { code: 'THROTTLED' },
    )
    expect(keys.onLoan()).toBe(0)
  })

  test('that wraps into what no reader takes is refused before anything is sealed', async () => {
    const keys = createTestKeys()
    const broken = (change: Partial<SealingKey>): Keys => ({
      ...keys,
      forSealing: async (scope, rows) => (await keys.forSealing(scope, rows)).map((key) => ({ ...key, ...change })),
    })
    for (const change of [{ wrapped: '' }, { wrapped: 'not base64' }, { wrapped: 'A'.repeat(8196) }, { kid: 'with space' }]) {
      await expect(createRowCipher({ keys: broken(change) }).seal([patient(1)])).rejects.toMatchObject({ code: 'CONFIG' })
    }
    expect(keys.onLoan()).toBe(0)
  })

  test('never sees a direct key used for two rows', async () => {
    const keys = createTestKeys({ mode: 'direct' })
    const generous: Keys = {
      ...keys,
      forSealing: async (scope, rows) => (await keys.forSealing(scope, 1)).map((key) => ({ ...key, rows })),
    }
    await expect(createRowCipher({ keys: generous }).seal([patient(1), patient(2)])).rejects.toThrow('too few rows')
    expect(keys.onLoan()).toBe(0)
  })
})

describe('an envelope of several KMS keys', () => {
  async function sealedTwice(keys: ReturnType<typeof createTestKeys>): Promise<Envelope> {
    const [envelope] = (await createRowCipher({ keys }).seal([patient(1)])) as [Envelope]
    const context = rowContext('Patient')
    const [handle] = await keys.forOpening([{ kid: 'a', wrapped: envelope.wk as string, context }])
    if (handle === undefined || handle instanceof EnvelopeError) throw new Error('the test key layer does not unwrap')
    const wk = [['a', envelope.wk as string] as const, ['b', keys.wrap('b', handle.bytes, context)] as const]
    handle.release()
    return { ...envelope, wk }
  }

  test('opens by the first that the keyring knows', async () => {
    const keys = createTestKeys({ names: ['a', 'b'] })
    const envelope = await sealedTwice(keys)
    keys.asked.length = 0
    expect(await codeOf(keys, toOpen(patient(1), envelope))).toBe('opened')
    expect(keys.asked.map((requests) => requests.map(({ kid }) => kid))).toEqual([['a']])
    const second = createTestKeys({ names: ['b'] })
    expect(await codeOf(second, toOpen(patient(1), envelope))).toBe('opened')
    expect(second.asked.map((requests) => requests.map(({ kid }) => kid))).toEqual([['a'], ['b']])
    expect(keys.onLoan() + second.onLoan()).toBe(0)
  })

  test('opens by the second where the first is down, and says what the KMS said where both fail', async () => {
    const keys = createTestKeys({ names: ['a', 'b'] })
    const envelope = await sealedTwice(keys)
    keys.failing.set('a', 'UNAVAILABLE')
    expect(await codeOf(keys, toOpen(patient(1), envelope))).toBe('opened')
    keys.failing.set('b', 'THROTTLED')
    expect(await codeOf(keys, toOpen(patient(1), envelope))).toBe('UNAVAILABLE')
    expect(await codeOf(createTestKeys({ names: ['c'] }), toOpen(patient(1), envelope))).toBe('KEY_UNKNOWN')
    const onlySecond = createTestKeys({ names: ['b'] })
    onlySecond.failing.set('b', 'THROTTLED')
    expect(await codeOf(onlySecond, toOpen(patient(1), envelope))).toBe('THROTTLED')
  })
})

describe('a key of the key store', () => {
  /** A key layer whose branch keys are stored: the envelope holds no more than their id. */
  function withStore(keys = createTestKeys(), id = 'A'.repeat(22)): Keys {
    const known = new Map<string, SealingKey>()
    return {
      ...keys,
      forSealing: async (scope, rows) => {
        const taken = await keys.forSealing(scope, rows)
        return taken.map((key) => {
          known.set(id, key)
          return { ...key, stored: id }
        })
      },
      forOpening: (requests) =>
        keys.forOpening(
          requests.map(({ stored, ...request }) => ({ ...request, ...known.get(stored ?? ''), context: request.context })),
        ),
    }
  }

  test('is named, and not carried', async () => {
    const cipher = createRowCipher({ keys: withStore() })
    const [envelope] = await cipher.seal([patient(1)])
    expect(Object.keys(envelope as Envelope)).toEqual(['v', 'kid', 'fs', 'bk', 'dek', 'ct'])
    expect(opened(await cipher.open([toOpen(patient(1), stored(envelope as Envelope))]))).toHaveLength(1)
  })

  test('leaves an envelope of 480 bytes at most for 4 fields of 32 bytes', async () => {
    const value = 'x'.repeat(32)
    const row = { ...patient(1), record: { email: value, full_name: value, ssn: value, phone: value } }
    const [envelope] = await createRowCipher({ keys: withStore() }).seal([row])
    expect(JSON.stringify(envelope).length).toBeLessThanOrEqual(480)
  })

  test('is asked for once however many rows name it, and apart from others', async () => {
    const keys = createTestKeys()
    const [{ wk: _, ...rest }] = (await createRowCipher({ keys }).seal([patient(1)])) as [Envelope]
    const rows = ['a', 'b', 'a'].map((bk) => toOpen(patient(1), { ...rest, bk }))
    await createRowCipher({ keys }).open(rows)
    expect(keys.asked.at(-1)).toMatchObject([{ stored: 'a' }, { stored: 'b' }])
  })

  test('with an id that no reader would take is not written', async () => {
    const cipher = createRowCipher({ keys: withStore(createTestKeys(), 'a/b') })
    await expect(cipher.seal([patient(1)])).rejects.toMatchObject({ code: 'CONFIG' })
  })
})

describe('the context', () => {
  test('that an envelope could not carry is refused at once', () => {
    const keys = createTestKeys()
    const bad = [
      { 'prisma-envelope:table': 'x' },
      { 'AWS:x': 'y' },
      { tenant: '' },
      { '': 'x' },
      { tenant: '\0' },
      { tenant: '\ud800' },
      { a: 'x'.repeat(8192) },
    ]
    for (const context of bad)
      expect(() => createRowCipher({ keys, context })).toThrow(expect.objectContaining({ code: 'CONFIG' }))
  })

  test('is copied, and an empty one leaves no trace', async () => {
    const keys = createTestKeys()
    const context = { tenant: '42' }
    const cipher = createRowCipher({ keys, context })
    context.tenant = '43'
    expect((await cipher.seal([patient(1)]))[0]?.ctx).toEqual({ tenant: '42' })
    expect((await createRowCipher({ keys, context: {} }).seal([patient(1)]))[0]).not.toHaveProperty('ctx')
  })

  test('of a row stands before the one of all rows, and rows of different contexts and KMS keys share no key', async () => {
    const keys = createTestKeys({ names: ['a', 'b'] })
    const cipher = createRowCipher({ keys, context: { tenant: '42' } })
    const rows: RowToSeal[] = [
      patient(1),
      { ...patient(2), ctx: { tenant: '43' } },
      { ...patient(3), kid: 'b' },
      { ...patient(4), ctx: {} },
      { ...patient(5), ctx: { tenant: '43' } },
    ]
    const envelopes = await cipher.seal(rows)
    expect(envelopes.map(({ ctx, kid }) => [kid, ctx])).toEqual([
      ['a', { tenant: '42' }],
      ['a', { tenant: '43' }],
      ['b', { tenant: '42' }],
      ['a', undefined],
      ['a', { tenant: '43' }],
    ])
    expect(new Set(envelopes.map(({ wk }) => wk)).size).toBe(4)
    expect(envelopes[4]?.wk).toBe(envelopes[1]?.wk)
    expect(opened(await cipher.open(rows.map((row, i) => toOpen(row, stored(envelopes[i] as Envelope)))))).toHaveLength(5)
    expect(keys.onLoan()).toBe(0)
  })

  test('of a row that an envelope could not carry is refused before any key is asked for', async () => {
    const keys = createTestKeys()
    const rows = [patient(1), { ...patient(2), ctx: { tenant: '' } }]
    await expect(createRowCipher({ keys }).seal(rows)).rejects.toMatchObject({ code: 'CONFIG' })
    expect(keys.sealedUnder).toEqual([])
  })

  test('that a reader accepts is one that the key layer takes', () => {
    const names = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('aws:x', 'prisma-envelope', 'Prisma-Envelope:x', '__proto__'),
    )
    const contexts = fc.dictionary(names, fc.string({ unit: 'binary' })).filter(isContext)
    expect(() => fc.assert(fc.property(contexts, (context) => void rowContext('T', context)))).not.toThrow()
  })
})

describe('a record', () => {
  test('that is no JSON is refused by name, before any key is asked for, without its value', async () => {
    const keys = createTestKeys()
    const row = patient(1)
    Reflect.set(row.record, 'secret', undefined)
    await expect(createRowCipher({ keys }).seal([row])).rejects.toMatchObject({
      code: 'INVALID_VALUE',
      message: expect.stringContaining('"secret"'),
    })
    expect(keys.sealedUnder).toEqual([])
  })
})

describe('the tokenizer', () => {
  test('is the same while the index key is, and holds no loan', async () => {
    const keys = createTestKeys()
    const cipher = createRowCipher({ keys })
    const tokenizer = await cipher.tokenizer()
    expect(await cipher.tokenizer()).toBe(tokenizer)
    expect(keys.onLoan()).toBe(0)
    expect(tokenizer.token({ index: 'Patient.email', normalize: ['lowercase'], scope: [] }, 'Ada', [])).toMatch(
      /^~AbC-\.[\w-]{43}$/,
    )
  })

  test('follows a change of the index key', async () => {
    let seed = 'one'
    const keys = createTestKeys()
    const cipher = createRowCipher({ keys: { ...keys, indexKey: () => createTestKeys({ seed }).indexKey() } })
    const search = { index: 'Patient.email', normalize: [], scope: [] } as const
    const before = (await cipher.tokenizer()).token(search, 'x', [])
    seed = 'two'
    expect((await cipher.tokenizer()).token(search, 'x', [])).not.toBe(before)
  })

  test('comes once for each index key, the current one first, and holds no loan', async () => {
    const keys = createTestKeys({ indexIds: ['AbC-', 'DeF_'] })
    const cipher = createRowCipher({ keys })
    expect(cipher.tokensOfValue).toBe(2)
    const tokenizers = await cipher.tokenizers()
    expect(tokenizers[0]).toBe(await cipher.tokenizer())
    expect(await cipher.tokenizers()).toEqual(tokenizers)
    const search = { index: 'Patient.email', normalize: [], scope: [] } as const
    const [current = '', other = ''] = tokenizers.map((tokenizer) => tokenizer.token(search, 'x', []))
    expect([current.slice(0, 6), other.slice(0, 6)]).toEqual(['~AbC-.', '~DeF_.'])
    expect(current.slice(6)).not.toBe(other.slice(6))
    expect(keys.onLoan()).toBe(0)
  })
})
