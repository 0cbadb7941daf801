import { afterEach, describe, expect, test } from 'vitest'
import { keyStore } from '../../support/client.ts'
import { createBareClient, createEncryptedClient, type EncryptedClient, extend } from '../../support/encrypted-client.ts'

const { client, database, sql, keys, indexKey, kms } = await createEncryptedClient('stored_keys_in_transactions', { keyStore })

/** A process whose pool has one connection. */
function onOneConnection(): EncryptedClient {
  return extend(createBareClient(database, 1), { keys, indexKey, keyStore })
}

let count = 0
/** A person that nobody else has. */
function person(): { id: string; email: string; name: string } {
  count += 1
  return { id: `p${String(count).padStart(3, '0')}`, email: `p${count}@example.org`, name: `name ${count}` }
}

/** How a row is sealed: under a key of the store, or under one that it carries. */
async function formOf(id: string): Promise<'stored' | 'inline' | undefined> {
  const [row] = await sql<{ stored: boolean }>(`SELECT sealed_envelope ? 'bk' stored FROM persons WHERE id = $1`, [id])
  return row && (row.stored ? 'stored' : 'inline')
}

const storedKeys = () => sql(`SELECT id FROM envelope_keys WHERE table_name = 'persons'`)

afterEach(async () => {
  await sql('DELETE FROM persons')
  await sql('DELETE FROM envelope_keys')
})

describe.each([
  ['a pool of ten connections', () => client()],
  ['a pool of one connection', onOneConnection],
])('with %s', (_, connect) => {
  test('a transaction of the caller’s makes no key; its rows carry theirs', async () => {
    const db = connect()
    const mine = person()
    await db.$transaction(async (tx) => {
      await tx.person.create({ data: mine })
      expect(await tx.person.findUnique({ where: { id: mine.id } })).toMatchObject(mine)
    })
    expect(await formOf(mine.id)).toBe('inline')
    expect(await storedKeys()).toEqual([])
    expect(await connect().person.findUnique({ where: { id: mine.id } })).toMatchObject(mine)
  })

  test('what writes in transactions alone gets a key, and its successor, before the transaction that follows', async () => {
    const db = connect()
    const write = async (): Promise<string | undefined> => {
      const mine = person()
      await db.$transaction((tx) => tx.person.create({ data: mine }))
      return formOf(mine.id)
    }
    expect([await write(), await write(), await write()]).toEqual(['inline', 'stored', 'stored'])
    await sql(`UPDATE envelope_keys SET created_at = created_at - interval '31 days'`)
    const cold = connect()
    const [one, two] = [person(), person()]
    await cold.$transaction((tx) => tx.person.create({ data: one }))
    await cold.$transaction((tx) => tx.person.create({ data: two }))
    expect([await formOf(one.id), await formOf(two.id)]).toEqual(['inline', 'stored'])
    expect(await storedKeys()).toHaveLength(2)
  })

  test('a KMS that fails before a transaction is no failure of it', async () => {
    const db = connect()
    await db.$transaction((tx) => tx.person.create({ data: person() }))
    kms.faults.inject({ operation: 'GenerateDataKey', exception: { name: 'AccessDeniedException' } })
    const mine = person()
    await db.$transaction((tx) => tx.person.create({ data: mine }))
    kms.faults.clear()
    expect(await formOf(mine.id)).toBe('inline')
  })

  test('a transaction of the caller’s uses the key that stands in the store', async () => {
    const [before, mine] = [person(), person()]
    await client().person.create({ data: before })
    const db = connect()
    await db.$transaction(async (tx) => {
      await tx.person.create({ data: mine })
      expect(await tx.person.findMany({ orderBy: { id: 'asc' } })).toMatchObject([before, mine])
      await tx.person.update({ where: { id: mine.id }, data: { name: 'changed' } })
    })
    expect(await formOf(mine.id)).toBe('stored')
    expect(await connect().person.findUnique({ where: { id: mine.id } })).toMatchObject({ ...mine, name: 'changed' })
    expect(await storedKeys()).toHaveLength(1)
  })

  test('operations of a transaction that start side by side find their keys', async () => {
    const people = Array.from({ length: 8 }, person)
    await client().person.createMany({ data: people })
    const db = connect()
    const found = await db.$transaction((tx) =>
      Promise.all([
        ...people.map(({ id }) => tx.person.findUnique({ where: { id } })),
        tx.person.create({ data: person() }),
        tx.person.update({ where: { id: people[0]?.id ?? '' }, data: { age: 7 } }),
      ]),
    )
    expect(found.slice(0, 8)).toMatchObject(people)
  })

  test('outside of transactions, and in batches, a key is made and committed on its own', async () => {
    const db = connect()
    const [one, two] = [person(), person()]
    await db.$transaction([db.person.create({ data: one }), db.person.create({ data: two })])
    expect([await formOf(one.id), await formOf(two.id)]).toEqual(['stored', 'stored'])
    expect(await storedKeys()).toHaveLength(1)
    expect(await connect().$transaction([db.person.findMany(), db.person.count()])).toMatchObject([[one, two], 2])
  })

  test('in transactions of the extension’s own, too', async () => {
    const boss = person()
    const staff = person()
    const db = connect()
    await db.person.create({ data: { ...boss, staff: { create: staff } } })
    const cold = connect()
    await cold.person.update({
      where: { id: boss.id },
      data: { name: 'new', staff: { updateMany: { where: {}, data: { name: 'newer' } } } },
    })
    await cold.person.upsert({ where: { email: boss.email }, create: person(), update: { age: 1, name: 'newest' } })
    expect(await connect().person.findUnique({ where: { id: boss.id }, include: { staff: true } })).toMatchObject({
      name: 'newest',
      staff: [{ name: 'newer' }],
    })
    expect([await formOf(boss.id), await formOf(staff.id)]).toEqual(['stored', 'stored'])
  })

  test('a transaction that rolls back leaves the key, and no row', async () => {
    const db = connect()
    const mine = person()
    await expect(
      db.$transaction([db.person.create({ data: mine }), db.person.create({ data: { ...mine, email: 'other@example.org' } })]),
    ).rejects.toMatchObject({ code: 'P2002' })
    expect(await formOf(mine.id)).toBeUndefined()
    expect(await storedKeys()).toHaveLength(1)
    const next = person()
    await connect().person.create({ data: next })
    expect(await formOf(next.id)).toBe('stored')
    expect(await storedKeys()).toHaveLength(1)
  })

  test('a transaction that an error has aborted fails as itself, and its connection comes back', async () => {
    const [before, mine] = [person(), person()]
    await client().person.create({ data: before })
    const db = connect()
    const failure = await db
      .$transaction(async (tx) => {
        await tx.person.create({ data: { ...mine, id: before.id } }).catch(() => {})
        // The store would be asked for the key of this row.
        return tx.person.findUnique({ where: { id: before.id } })
      })
      .catch((error: unknown) => error)
    expect(String(failure)).toMatch(/aborted|25P02/)
    expect(await db.person.findUnique({ where: { id: before.id } })).toMatchObject(before)
    await db.$disconnect()
  })
})

test('a key that is made while a transaction is open outlives that transaction', async () => {
  const db = client()
  const [outer, inner] = [person(), person()]
  await expect(
    db.$transaction(async (tx) => {
      await db.person.create({ data: outer })
      await tx.person.create({ data: inner })
      throw new Error('roll back')
    }),
  ).rejects.toThrow('roll back')
  expect([await formOf(outer.id), await formOf(inner.id)]).toEqual(['stored', undefined])
  expect(await client().person.findMany()).toMatchObject([outer])
})

describe('a snapshot', () => {
  test('that is older than the key writes rows that carry theirs, and sees no row that it can’t open', async () => {
    const [mine, theirs] = [person(), person()]
    await client().$transaction(
      async (tx) => {
        expect(await tx.person.count()).toBe(0)
        await client().person.create({ data: theirs })
        await tx.person.create({ data: mine })
        expect(await tx.person.findMany()).toMatchObject([mine])
      },
      { isolationLevel: 'RepeatableRead' },
    )
    expect([await formOf(mine.id), await formOf(theirs.id)]).toEqual(['inline', 'stored'])
    expect(await client().person.findMany({ orderBy: { id: 'asc' } })).toMatchObject([mine, theirs])
  })

  test('that shows a row shows its key', async () => {
    await Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        // Keys keep coming while others read.
        await sql(`UPDATE envelope_keys SET created_at = created_at - interval '31 days'`)
        const mine = { ...person(), name: `generation ${i}` }
        await client().person.create({ data: mine })
        const seen = await client().$transaction((tx) => tx.person.findMany(), { isolationLevel: 'RepeatableRead' })
        expect(seen).toContainEqual(expect.objectContaining(mine))
      }),
    )
  })
})

test('a transaction does not tell others what its snapshot shows of a key that was erased since', async () => {
  const mine = person()
  await client().person.create({ data: mine })
  const db = client()
  await db.$transaction(
    async (tx) => {
      await tx.person.count()
      await sql('UPDATE envelope_keys SET wrapped_key = NULL, erased_at = now()')
      expect(await tx.person.findUnique({ where: { id: mine.id } })).toMatchObject(mine)
      await expect(db.person.findUnique({ where: { id: mine.id } })).rejects.toMatchObject({ code: 'ERASED', model: 'Person' })
    },
    { isolationLevel: 'RepeatableRead' },
  )
  await expect(db.person.create({ data: person() })).rejects.toMatchObject({ code: 'ERASED' })
  await expect(db.$transaction((tx) => tx.person.create({ data: person() }))).rejects.toMatchObject({ code: 'ERASED' })
})

test('a KMS that refuses ends a caller’s transaction by its own code, and nothing of it stays', async () => {
  const [before, mine] = [person(), person()]
  await client().person.create({ data: before })
  const db = onOneConnection()
  kms.faults.inject({ operation: 'Decrypt', exception: { name: 'AccessDeniedException' } })
  await expect(
    db.$transaction(async (tx) => {
      await tx.locker.create({ data: { id: mine.id, code: 'x' } })
      await tx.person.create({ data: mine })
    }),
  ).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
  kms.faults.clear()
  expect(await sql('SELECT id FROM "Locker"')).toEqual([])
  expect(await db.person.findMany()).toMatchObject([before])
  await db.$disconnect()
})
