import { describe, expect, test } from 'vitest'
import { models } from '../../support/client.ts'
import type { EncryptedClient } from '../../support/encrypted-client.ts'
import { createTwins } from '../../support/twins.ts'
import { outcomeOf, rolledBack } from '../../support/written.ts'
import { type Args, type Call, calls, everyone, run, seedPeople } from './calls.ts'

const { prisma, twin } = await createTwins('holes')
await seedPeople(prisma)
await seedPeople(twin)

type Path = readonly (string | number)[]

/** Every place in `value`: keys of objects and members of lists, at every depth. */
function placesIn(value: unknown, path: Path = []): readonly Path[] {
  if (Array.isArray(value)) return value.flatMap((item, i) => [[...path, i], ...placesIn(item, [...path, i])])
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => [[...path, key], ...placesIn(item, [...path, key])])
}

function withHole(value: unknown, [key, ...rest]: Path, hole: undefined | null): unknown {
  if (key === undefined) return hole
  if (Array.isArray(value)) return value.map((item, i) => (i === key ? withHole(item, rest, hole) : item))
  const input = value as Args
  return { ...input, [key]: withHole(input[key], rest, hole) }
}

/** What a call gives and what it leaves, in a transaction that leaves nothing. */
function outcome(db: EncryptedClient, call: Call, failed: (error: Error) => void = () => {}): Promise<string> {
  return rolledBack(db, async (tx) => {
    const result = await outcomeOf(() =>
      run(tx, call).catch((error: Error) => {
        failed(error)
        throw error
      }),
    )
    return [result, result.startsWith('threw') ? undefined : await everyone(tx)]
  })
}

const encrypted = new Set(
  [models.Person, models.Locker, models.Badge, models.Letter, models.Club, models.Membership].flatMap(({ columns }) =>
    Object.entries(columns).flatMap(([name, column]) => ('encrypted' in column ? [name] : [])),
  ),
)

/** Texts of encrypted fields that are long enough to be told from the words of a message. */
function plaintextsIn(value: unknown, ofField = false): readonly string[] {
  if (typeof value === 'string') return ofField && value.length > 3 ? [value] : []
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => plaintextsIn(item, ofField || encrypted.has(key)))
}

/** Without its scope there is no token to compare with. */
const isScope = (place: string): boolean => /\b(where|none)\.authorId$/.test(place)

function agrees(place: string, own: string, plain: string): boolean {
  // What sequences give is never the same.
  const [one, other] = [own, plain].map((text) => text.replaceAll(/\bid: \d+/g, 'id: n'))
  if (one === other) return true
  // Prisma's validation would show the arguments, and no row is sealed for a key that is NULL: both are refused before that.
  const refused = /threw EnvelopeError (INVALID_VALUE|UNSUPPORTED)/.test(own)
  return refused && (isScope(place) || /threw PrismaClient(ValidationError|KnownRequestError P2011)/.test(plain))
}

describe.each([
  ['`undefined`', undefined],
  ['null', null],
])('%s at any one place', (_, hole) => {
  test.each(Object.entries(calls))('of %s does what it does in plain Prisma, and no error shows plaintext', async (__, call) => {
    const whole = await outcome(twin, call)
    expect(whole).not.toContain('threw')
    expect(agrees('', await outcome(prisma, call), whole)).toBe(true)
    const different: unknown[] = []
    const messages: string[] = []
    for (const path of placesIn(call.args)) {
      const place = path.join('.')
      const changed = { ...call, args: withHole(call.args, path, hole) as Args }
      const plain = await outcome(twin, changed)
      const own = await outcome(prisma, changed, ({ message }) => messages.push(message))
      if (!agrees(place, own, plain)) different.push({ place, plain, own })
    }
    expect(different).toEqual([])
    const plaintexts = plaintextsIn(call.args)
    expect(plaintexts.filter((text) => messages.some((message) => message.includes(text)))).toEqual([])
  })
})

test('the places are those of all operations, and few of them scope a token', () => {
  const places = Object.values(calls).flatMap(({ args }) => placesIn(args).map((path) => path.join('.')))
  expect(places.length).toBeGreaterThan(400)
  expect(places.filter(isScope).length).toBeLessThan(10)
})
