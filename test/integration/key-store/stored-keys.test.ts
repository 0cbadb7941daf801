import { type AccessEvent, envelopeEncryption } from 'prisma-envelope'
import { describe, expect, test } from 'vitest'
import { keyStore, models, Prisma } from '../../support/client.ts'
import { createDatabase } from '../../support/database.ts'
import { createBareClient, createEncryptedClient } from '../../support/encrypted-client.ts'

const { prisma, client, database, sql, kms, keys, indexKey } = await createEncryptedClient('stored_keys', { keyStore })

/** A client with caches of its own, as another process has. */
const otherProcess = () => client()

function calls(): { GenerateDataKey: number; Decrypt: number } {
  return { GenerateDataKey: kms.calls.GenerateDataKey ?? 0, Decrypt: kms.calls.Decrypt ?? 0 }
}

const person = (id: string) => ({ id, email: `${id}@example.org`, name: `name of ${id}` })

async function envelopeOf(id: string): Promise<Record<string, unknown>> {
  const [row] = await sql('SELECT sealed_envelope envelope FROM persons WHERE id = $1', [id])
  return row?.['envelope'] as Record<string, unknown>
}

async function storedKey(id: unknown) {
  const [row] = await sql('SELECT * FROM envelope_keys WHERE id = $1', [id])
  return row
}

test('rows name a key that stands in the store, and carry none', async () => {
  await prisma.person.create({ data: person('a') })
  const envelope = await envelopeOf('a')
  expect(Object.keys(envelope).sort()).toEqual(['bk', 'ct', 'dek', 'fs', 'kid', 'v'])
  expect(await storedKey(envelope['bk'])).toMatchObject({
    kid: 'pii',
    table_name: 'persons',
    context: {},
    generation: 0,
    wrapped_key: expect.stringMatching(/^[A-Za-z0-9+/]+=*$/),
    erased_at: null,
  })
  expect(await otherProcess().person.findUnique({ where: { email: 'a@example.org' } })).toMatchObject(person('a'))
})

test('a row of four values of 32 bytes has an envelope of 480 bytes at most', async () => {
  const value = 'x'.repeat(32)
  await prisma.patient.create({
    data: { id: 'wide', email: value, ssn: value, fullName: value, ward: 'B2', notes: value },
  })
  const [row] = await sql<{ bytes: number }>(`SELECT octet_length(envelope::text) bytes FROM "Patient" WHERE id = 'wide'`)
  expect(row?.bytes).toBeLessThanOrEqual(540)
})

test('one KMS call serves the rows of all processes, and one opens them', async () => {
  kms.resetLog()
  const { id: tenantId } = await prisma.tenant.create({ data: { name: 'tenant' } })
  for (let i = 0; i < 10; i++) {
    await otherProcess().member.create({ data: { tenantId, email: `${i}@example.org` } })
  }
  // The index key once in each process, the key itself made once and unwrapped in the nine others.
  expect(calls()).toEqual({ GenerateDataKey: 1, Decrypt: 10 + 9 })
  kms.resetLog()
  expect(await otherProcess().member.findMany({ select: { email: true } })).toHaveLength(10)
  expect(calls()).toEqual({ GenerateDataKey: 0, Decrypt: 1 })
})

test('many processes at once agree on one key, and nobody fails', async () => {
  const processes = Array.from({ length: 20 }, otherProcess)
  await Promise.all(processes.map((db, i) => db.doctor.create({ data: { name: `doctor ${i}` } })))
  const rows = await sql(`SELECT DISTINCT envelope->>'bk' bk FROM "Doctor"`)
  expect(rows).toHaveLength(1)
  expect(await sql(`SELECT id FROM envelope_keys WHERE table_name = 'Doctor'`)).toEqual([{ id: rows[0]?.['bk'] }])
  expect(await otherProcess().doctor.findMany({ select: { name: true } })).toHaveLength(20)
})

describe('modes', () => {
  test('`wrap` says what new rows do, and all rows are read alike', async () => {
    await client({ wrap: 'branch' }).person.create({ data: person('inline') })
    await client({ wrap: 'direct' }).person.create({ data: person('direct') })
    await client({ wrap: 'stored' }).person.create({ data: person('stored') })
    expect(await envelopeOf('inline')).toMatchObject({ wk: expect.any(String), dek: expect.any(String) })
    expect(await envelopeOf('direct')).not.toHaveProperty('dek')
    expect(await envelopeOf('stored')).toHaveProperty('bk')
    const found = await otherProcess().person.findMany({ where: { id: { in: ['inline', 'direct', 'stored'] } } })
    expect(found.map(({ name }) => name).sort()).toEqual(['name of direct', 'name of inline', 'name of stored'])
    // A partial update seals as its own client does.
    await client({ wrap: 'branch' }).person.update({ where: { id: 'stored' }, data: { name: 'new' } })
    await otherProcess().person.update({ where: { id: 'inline' }, data: { name: 'new' } })
    expect(await envelopeOf('stored')).toHaveProperty('wk')
    expect(await envelopeOf('inline')).toHaveProperty('bk')
  })

  test('a client without the key store is told what it lacks', async () => {
    const without = client({ keyStore: undefined })
    await expect(without.person.findUnique({ where: { id: 'a' } })).rejects.toMatchObject({
      code: 'CONFIG',
      model: 'Person',
      message: expect.stringContaining('keyStore'),
    })
    expect(() => client({ keyStore: undefined, wrap: 'stored' })).toThrow(/keyStore/)
  })
})

describe('a hostile database', () => {
  /** Reads a row whose key's row was changed by `set`. */
  async function readAfter(set: string): Promise<unknown> {
    const { id } = await otherProcess().letter.create({ data: { title: 'secret' } })
    const [row] = await sql(`SELECT k.* FROM envelope_keys k JOIN "Letter" l ON l.envelope->>'bk' = k.id WHERE l.id = $1`, [id])
    await sql(`UPDATE envelope_keys SET ${set} WHERE id = $1`, [row?.['id']])
    try {
      return await otherProcess()
        .letter.findUnique({ where: { id } })
        .catch((error: unknown) => error)
    } finally {
      await sql(`DELETE FROM envelope_keys WHERE table_name = 'Letter' OR id = 'moved' OR generation = 700`)
    }
  }

  test.each([
    ['wrapped bytes that no KMS made', `wrapped_key = '${Buffer.alloc(184, 7).toString('base64')}'`, 'CANNOT_OPEN'],
    [
      'the key of another table',
      `wrapped_key = (SELECT wrapped_key FROM envelope_keys WHERE table_name = 'persons' LIMIT 1)`,
      'CANNOT_OPEN',
    ],
    ['another table’s name', `table_name = 'persons', generation = 700`, 'CONTEXT_MISMATCH'],
    ['another context', `context = '{"tenant":"1"}'`, 'CANNOT_OPEN'],
    ['another id: the store lacks the row’s key', `id = 'moved'`, 'CANNOT_OPEN'],
    ['a key that was erased', 'wrapped_key = NULL, erased_at = now()', 'ERASED'],
    ['a KMS key that the keyring does not know', `kid = 'unknown'`, 'KEY_UNKNOWN'],
  ])('%s', async (_, set, code) => {
    expect(await readAfter(set)).toMatchObject({ name: 'EnvelopeError', code, model: 'Letter' })
  })
})

test('a new generation follows after rotateAfter; rows of both are read', async () => {
  await prisma.person.create({ data: person('old') })
  await sql(`UPDATE envelope_keys SET created_at = created_at - interval '31 days' WHERE table_name = 'persons'`)
  await otherProcess().person.create({ data: person('young') })
  const [old, young] = [await envelopeOf('old'), await envelopeOf('young')]
  expect(young['bk']).not.toBe(old['bk'])
  expect(await storedKey(young['bk'])).toMatchObject({ generation: 1 })
  kms.resetLog()
  expect(await otherProcess().person.findMany({ where: { id: { in: ['old', 'young'] } } })).toHaveLength(2)
  expect(calls()).toEqual({ GenerateDataKey: 0, Decrypt: 2 })
})

test('a key store that cannot be reached is the database’s own error', async () => {
  const db = otherProcess()
  await sql('ALTER TABLE envelope_keys RENAME TO elsewhere')
  try {
    await expect(db.person.create({ data: person('lost') })).rejects.toMatchObject({ code: 'P2021' })
    await expect(db.person.findUnique({ where: { id: 'a' } })).rejects.toMatchObject({ code: 'P2021' })
  } finally {
    await sql('ALTER TABLE elsewhere RENAME TO envelope_keys')
  }
  expect(await db.person.findUnique({ where: { id: 'a' } })).toMatchObject(person('a'))
  expect(await db.person.findUnique({ where: { id: 'lost' } })).toBeNull()
})

test('a KMS that refuses leaves neither a row nor a key', async () => {
  const refused = { ...keys.current, generateDataKey: () => keys.current.unwrap(new Uint8Array(40), {}) as never }
  const db = client({ keys: { current: refused } })
  await sql(`DELETE FROM envelope_keys WHERE table_name = 'Doctor'`)
  await expect(db.doctor.create({ data: { name: 'lost' } })).rejects.toMatchObject({ name: 'EnvelopeError' })
  expect(await sql(`SELECT id FROM envelope_keys WHERE table_name = 'Doctor'`)).toEqual([])
})

test('preload fetches every key that the first requests wait for', async () => {
  const db = otherProcess()
  await db.$envelope.preload()
  kms.resetLog()
  await db.person.create({ data: person('warm') })
  expect(await db.person.findUnique({ where: { email: 'warm@example.org' } })).toMatchObject(person('warm'))
  await db.doctor.create({ data: { name: 'warm' } })
  expect(calls()).toEqual({ GenerateDataKey: 0, Decrypt: 0 })
  await db.$envelope.preload({ contexts: [{ tenant: '1' }, { tenant: '2' }] })
  const stored = await sql(`SELECT context->>'tenant' tenant FROM envelope_keys WHERE table_name = 'persons' AND context <> '{}'`)
  expect(new Set(stored.map(({ tenant }) => tenant))).toEqual(new Set(['1', '2']))
})

test('one extension on two databases keeps their key stores apart', async () => {
  const other = await createDatabase('another_key_store')
  const extension = envelopeEncryption({ Prisma, models, keys, indexKey, keyStore })
  const [here, there] = [database, other].map((each) => createBareClient(each).$extends(extension))
  await here?.person.create({ data: person('here') })
  await there?.person.create({ data: person('there') })
  const [stored] = await other.sql('SELECT k.id FROM envelope_keys k JOIN persons p ON p.sealed_envelope->>$1 = k.id', ['bk'])
  expect(stored).toBeDefined()
  expect(await there?.person.findMany()).toMatchObject([person('there')])
})

test('who listens is told the name of the KMS key that wraps the stored key now, not of the one that did when the row was sealed', async () => {
  const events: AccessEvent[] = []
  await prisma.person.create({ data: person('audited') })
  const provider = { ...keys.current, name: 'renamed' }
  const db = client({ keys: { current: provider, others: [keys.current] }, onAccess: (event) => events.push(event) })
  await sql(`UPDATE envelope_keys SET kid = 'renamed' WHERE table_name = 'persons' AND context = '{}'`)
  try {
    expect(await db.person.findUnique({ where: { id: 'audited' } })).toMatchObject(person('audited'))
  } finally {
    await sql(`UPDATE envelope_keys SET kid = 'pii' WHERE kid = 'renamed'`)
  }
  expect(await envelopeOf('audited')).toMatchObject({ kid: 'pii' })
  expect(events.map(({ keyName }) => keyName)).toEqual(['renamed'])
})
