import { isUnreadable } from 'prisma-envelope'
import { expect, test } from 'vitest'
import { keyStore } from '../../support/client.ts'
import { createEncryptedClient } from '../../support/encrypted-client.ts'

const { client, sql } = await createEncryptedClient('erased_rows', { keyStore })

const person = (id: string) => ({ id, email: `${id}@example.org`, name: `name of ${id}` })

await client().person.create({ data: person('first') })
await sql(`UPDATE envelope_keys SET created_at = created_at - interval '31 days' WHERE table_name = 'persons'`)
await client().person.create({ data: person('second') })
await sql(`UPDATE envelope_keys SET wrapped_key = NULL, erased_at = now() WHERE table_name = 'persons' AND generation = 0`)

const list = { orderBy: { id: 'asc' } } as const
const first = { where: { id: 'first' } }

test('a row whose stored key is erased fails its list', async () => {
  await expect(client().person.findMany(list)).rejects.toMatchObject({
    code: 'ERASED',
    model: 'Person',
    primaryKey: { id: 'first' },
  })
})

test("onErased: 'skip' leaves it out", async () => {
  const db = client({ onErased: 'skip' })
  expect(await db.person.findMany(list)).toMatchObject([person('second')])
  expect(await db.person.findUnique(first)).toBeNull()
  expect(await db.person.count()).toBe(2)
  await expect(db.person.findUniqueOrThrow(first)).rejects.toMatchObject({ code: 'ERASED' })
})

test("onUnreadable: 'mark' marks it", async () => {
  const [erased, readable] = await client({ onUnreadable: 'mark' }).person.findMany(list)
  expect(isUnreadable(erased?.name) && erased.name.code).toBe('ERASED')
  expect(readable).toMatchObject(person('second'))
})
