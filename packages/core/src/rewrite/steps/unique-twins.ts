import type { Tokenizer } from '../../envelope/contract.ts'
import { type Alternatives, alternativesFilter } from '../alternatives.ts'
import { type Input, isInput } from '../input.ts'
import type { EncryptedField, Model, Sealing } from '../model.ts'
import { LOST, untilWon } from '../race.ts'
import type { Rewriting } from '../rewriting.ts'
import { keyFields, keysFilter, selectOf } from '../row-key.ts'
import type { Session } from '../session.ts'
import type { ClaimedValue, TwinSearch, UniqueClaim } from '../unique-claim.ts'
import { lockRow } from './row-lock.ts'

/** Claims that are looked for by one query. */
const CHUNK = 500

/** Locks of a table: so few that many rows at once can't exhaust PostgreSQL's lock table, so many that writers seldom wait for each other. */
const BUCKETS = 1024

/** A claim with all forms of its values. */
interface Search {
  readonly claim: UniqueClaim
  readonly sealing: Sealing
  readonly values: readonly Forms[]
}

type Forms = ClaimedValue & Alternatives & { readonly tokens: readonly string[] }

/**
 * Looks for rows that have a unique key in another form than the one in which it is about to be written: PostgreSQL's own unique indexes can't see them.
 * Where there is one, it is locked, and the new row is given what that one holds: it then meets the database's own refusal, or is skipped as the
 * caller wants it.
 *
 * Two writers who do not know of each other might each find nothing and write one value in two forms: each first takes a lock that both derive from the
 * value alike, whatever form they write, and holds it until its transaction ends.
 *
 * @param session in a transaction.
 */
export function twinSearch(session: Session): TwinSearch {
  return async (claims, rewriting) => {
    const tokenizers = await rewriting.tools.cipher.tokenizers()
    const searches = claims.flatMap((claim) => {
      const { sealing } = claim.model
      return sealing === undefined ? [] : [{ claim, sealing, values: claim.searched.map((value) => formsOf(value, tokenizers)) }]
    })
    for (const [, ofTable] of inOrder(searches, ({ sealing }) => sealing.table)) await lock(session, ofTable, rewriting)
    for (const [, ofKey] of inOrder(searches, ({ claim: { model, unique } }) => `${model.name}.${unique.name}`)) {
      for (let at = 0; at < ofKey.length; at += CHUNK) await yieldToTwins(session, ofKey.slice(at, at + CHUNK), rewriting)
    }
  }
}

function inOrder(searches: readonly Search[], nameOf: (search: Search) => string): readonly [string, Search[]][] {
  const groups = new Map<string, Search[]>()
  for (const search of searches) {
    const name = nameOf(search)
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [search])
    else group.push(search)
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** All forms of a value that other rows may hold. A client that writes plaintext leaves it to the database to compare that with other plaintext. */
function formsOf(claimed: ClaimedValue, tokenizers: readonly Tokenizer[]): Forms {
  const { field, value, scope } = claimed
  const { search, mode } = field
  if (search === undefined) return { ...claimed, tokens: [], plain: [] }
  const tokens = tokenizers.map((tokenizer) => tokenizer.token(search, value, scope))
  const normalized = tokenizers.map((tokenizer) => tokenizer.normalized(search, value))
  return { ...claimed, tokens, plain: mode === 'plain' ? [value] : [...new Set([value, ...normalized])] }
}

/**
 * Takes the locks of the values until the transaction ends, the lowest first, so that nobody waits in a circle.
 *
 * @throws EnvelopeError `UNSUPPORTED` where the transaction would not see what others have written before they let go of a lock.
 */
async function lock(session: Session, searches: readonly Search[], rewriting: Rewriting): Promise<void> {
  const [first] = searches
  if (first === undefined) return
  const buckets = [...new Set(searches.map(bucketOf))].sort((a, b) => a - b)
  const sql = `SELECT pg_advisory_xact_lock(hashtext($1), bucket::int) FROM unnest(string_to_array($2, ' ')) AS bucket
WHERE current_setting('transaction_isolation') IN ('read committed', 'read uncommitted')`
  const locked = await session.execute(sql, [`prisma-envelope ${first.sealing.table}`, buckets.join(' ')])
  if (locked === buckets.length) return
  throw rewriting.error(
    'UNSUPPORTED',
    'while values stand in several forms, unique values can be written at the isolation level ReadCommitted alone: at others, a transaction does not see the rows that were written since it began',
    first.claim.model,
    first.values[0]?.field.name,
  )
}

/** Instances agree on it though their current keys differ: the lowest of a value's tokens is the same for all that know the same keys. */
function bucketOf({ values }: Search): number {
  const [first = '', ...others] = values[0]?.tokens ?? []
  const lowest = others.reduce((found, token) => (token < found ? token : found), first)
  const mac = lowest.slice(lowest.indexOf('.') + 1)
  return Buffer.from(mac.slice(0, 4), 'base64url').readUInt16BE() % BUCKETS
}

async function yieldToTwins(session: Session, searches: readonly Search[], rewriting: Rewriting): Promise<void> {
  const model = searches[0]?.claim.model
  if (model === undefined) return
  const where = together(model, searches, rewriting)
  if (!isInput(await session.run(model, 'findFirst', { where, select: selectOf(keyFields(model)) }))) return
  for (const search of searches) await yieldToTwin(session, search, rewriting)
}

async function yieldToTwin(session: Session, { claim, sealing, values }: Search, rewriting: Rewriting): Promise<void> {
  const { model } = claim
  const where = conditionOf({ claim, sealing, values }, rewriting)
  await untilWon(model, rewriting, async () => {
    const found = await session.run(model, 'findFirst', { where, select: selectOf(keyFields(model)) })
    if (!isInput(found)) return undefined
    // It must stay what it is until the new row has met it: what it holds would else be a second form of the value, or plaintext.
    await lockRow(session, model, found)
    const held = await session.run(model, 'findFirst', {
      where: { AND: [where, keysFilter(model, [found])] },
      select: selectOf(values.map(({ field }) => field.name)),
    })
    if (!isInput(held)) return LOST
    for (const { field, set } of values) set(held[field.name])
    return undefined
  })
}

/** Met by rows that have any of the keys. */
function together(model: Model, searches: readonly Search[], rewriting: Rewriting): Input {
  const [first] = searches
  const isPlain = searches.every(({ claim, values }) => claim.except === undefined && values.length === 1)
  const field = first?.values[0]?.field
  if (first !== undefined && field !== undefined && isPlain && first.claim.unique.fields.length === 1) {
    const all = (pick: (value: Alternatives) => readonly unknown[]) => searches.flatMap(({ values }) => values.flatMap(pick))
    return filter(first.sealing, field, { tokens: all(({ tokens }) => tokens), plain: all(({ plain }) => plain) }, rewriting)
  }
  return { OR: searches.map((search) => conditionOf(search, rewriting)) }
}

function conditionOf({ claim, sealing, values }: Search, rewriting: Rewriting): Input {
  const { model, others, except } = claim
  const itself = except === undefined ? [] : [{ NOT: keysFilter(model, [except]) }]
  return { AND: [others, ...values.map((value) => filter(sealing, value.field, value, rewriting)), ...itself] }
}

function filter(sealing: Sealing, field: EncryptedField, { tokens, plain }: Alternatives, rewriting: Rewriting): Input {
  return alternativesFilter(sealing, field, { tokens, plain }, false, rewriting)
}
