import { beforeEach, expect, test } from 'vitest'
import { keyStore } from '../../support/client.ts'
import { createEncryptedClient } from '../../support/encrypted-client.ts'

/** What somebody can do who may write to the database, and to the key store with it: SECURITY.md says what comes of it. */
const { client, sql } = await createEncryptedClient('rolled_back_keys', { keyStore })

/** A client with caches of its own, as another process has. */
const otherProcess = () => client()
const doctor = (name: string) => otherProcess().doctor.create({ data: { name } })
const names = async (): Promise<string[]> => (await otherProcess().doctor.findMany()).map(({ name }) => name).sort()
const keyOf = async (id: string) =>
  (await sql<{ bk: string }>(`SELECT envelope->>'bk' bk FROM "Doctor" WHERE id = $1::uuid`, [id]))[0]?.bk

let old: { id: string; key: string | undefined }
let young: { id: string; key: string | undefined }

/** Two keys of one table and context, and a row under each. */
beforeEach(async () => {
  await sql('DELETE FROM "Doctor"')
  await sql(`DELETE FROM envelope_keys`)
  const { id } = await doctor('old')
  await sql(`UPDATE envelope_keys SET created_at = created_at - interval '31 days'`)
  const next = await doctor('young')
  old = { id, key: await keyOf(id) }
  young = { id: next.id, key: await keyOf(next.id) }
  if (young.key === old.key) throw new Error('the second row must be under a key of its own')
  await sql('DROP TABLE IF EXISTS kept')
  await sql('CREATE TABLE kept AS SELECT * FROM envelope_keys')
})

const restore = async (): Promise<void> => {
  await sql('DELETE FROM envelope_keys')
  await sql('INSERT INTO envelope_keys SELECT * FROM kept')
}
const failing = (id: string) => otherProcess().doctor.findUnique({ where: { id } })

test('keys of one context that are swapped open no row', async () => {
  await sql(
    `UPDATE envelope_keys k SET wrapped_key = o.wrapped_key FROM kept o WHERE o.table_name = k.table_name AND o.id <> k.id`,
  )
  for (const { id } of [old, young]) await expect(failing(id)).rejects.toMatchObject({ code: 'CANNOT_OPEN', model: 'Doctor' })
  await restore()
  expect(await names()).toEqual(['old', 'young'])
})

test('a store that is put back lacks the younger key: its rows do not open, and the older one takes new rows', async () => {
  await sql('DELETE FROM envelope_keys WHERE id = $1', [young.key])
  await sql('UPDATE envelope_keys SET created_at = now()')
  await expect(failing(young.id)).rejects.toMatchObject({ code: 'CANNOT_OPEN', model: 'Doctor' })
  const { id } = await doctor('sealed meanwhile')
  expect(await keyOf(id)).toBe(old.key)
  await restore()
  expect(await names()).toEqual(['old', 'sealed meanwhile', 'young'])
})

test('a key that was removed takes its rows with it until it is restored', async () => {
  await sql('DELETE FROM envelope_keys WHERE id = $1', [old.key])
  await expect(failing(old.id)).rejects.toMatchObject({ code: 'CANNOT_OPEN', model: 'Doctor' })
  expect(await failing(young.id)).toMatchObject({ name: 'young' })
  await restore()
  expect(await names()).toEqual(['old', 'young'])
})

test('a tombstone ends reading and writing, and whoever has kept the wrapped bytes undoes it', async () => {
  await sql('UPDATE envelope_keys SET wrapped_key = NULL, erased_at = now()')
  for (const { id } of [old, young]) await expect(failing(id)).rejects.toMatchObject({ code: 'ERASED', model: 'Doctor' })
  await expect(doctor('too late')).rejects.toMatchObject({ code: 'ERASED' })
  await restore()
  expect(await names()).toEqual(['old', 'young'])
})
