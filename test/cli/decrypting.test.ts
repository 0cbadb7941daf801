import { expect, test } from 'vitest'
import { runCli } from '../support/cli.ts'
import { models } from '../support/client.ts'
import { createEncryptedClient, type EncryptedClient } from '../support/encrypted-client.ts'
import { seedHospital } from '../support/hospital.ts'
import { everyTypeOfRow } from '../support/rows-of-every-type.ts'

const { database, sql, kms, arn, bare, prisma, indexKey } = await createEncryptedClient('cli-decrypting')
const setup = { databaseUrl: database.url, kms, keys: { pii: arn }, indexKeys: [indexKey.current] }

const encrypted = Object.entries(models).flatMap(([model, { envelope, table }]) =>
  envelope === undefined ? [] : [{ model, table: `"${table.name}"`, envelope: `"${envelope.column}"` }],
)

/** All rows of the encrypted models as PostgreSQL prints them. */
async function allRows(): Promise<Record<string, string[]>> {
  const rows: Record<string, string[]> = {}
  for (const { model, table } of encrypted) {
    const texts = await sql<{ row: string }>(`SELECT t::text AS row FROM ${table} AS t ORDER BY 1`)
    rows[model] = texts.map(({ row }) => row)
  }
  return rows
}

test('every model comes back byte for byte, from rows of every type', async () => {
  await seedHospital(bare as unknown as EncryptedClient)
  for (const statement of everyTypeOfRow) await sql(statement)
  const before = await allRows()
  expect(Object.entries(before).filter(([, rows]) => rows.length === 0)).toEqual([])

  const encrypting = await runCli(setup, ['encrypt', '--json'])
  expect(encrypting.err).toBe('')
  expect(encrypting.events.filter(({ event }) => event === 'finding')).toEqual([])
  expect(encrypting.code).toBe(0)
  for (const { table, envelope } of encrypted)
    expect(await sql(`SELECT count(*)::int AS plain FROM ${table} WHERE ${envelope} IS NULL`)).toEqual([{ plain: 0 }])
  const sealed = await allRows()

  const dry = await runCli(setup, ['decrypt', '--dry-run', '--json'])
  expect(dry.code).toBe(0)
  expect(await allRows()).toEqual(sealed)

  const decrypting = await runCli(setup, ['decrypt', '--json'])
  expect(decrypting.err).toBe('')
  expect(decrypting.events.filter(({ event }) => event === 'finding')).toEqual([])
  expect(decrypting.code).toBe(0)
  expect(await allRows()).toEqual(before)
})

test('of a field alone, the others stay sealed', async () => {
  await prisma.contact.create({
    data: { email: 'Field@Example.org', backupEmail: null, familyName: 'Field', street: 'Alone 1' },
  })
  const { code, result } = await runCli(setup, ['decrypt', 'Contact.familyName', 'Contact.backupEmail', '--json'])
  expect({ code, result }).toMatchObject({ code: 0, result: { models: [{ model: 'Contact', written: 1, refused: 0 }] } })
  expect(
    await sql(`SELECT "familyName", "backupEmail", street, email LIKE '~%' AS token FROM "Contact" WHERE "familyName" = 'Field'`),
  ).toEqual([{ familyName: 'Field', backupEmail: null, street: 'hidden', token: true }])
  const again = await runCli(setup, ['decrypt', 'Contact.familyName', '--json'])
  expect(again.result).toMatchObject({ models: [{ written: 0, refused: 0 }] })
  expect((await runCli(setup, ['encrypt', 'Contact', '--json'])).code).toBe(0)
  expect(await prisma.contact.findFirst({ where: { email: 'field@example.org' } })).toMatchObject({
    email: 'Field@Example.org',
    familyName: 'Field',
    street: 'Alone 1',
  })
  expect((await runCli(setup, ['decrypt', 'Contact', '--json'])).code).toBe(0)
})

test('what something without the extension wrote into a sealed row is newer, and stays', async () => {
  const { id } = await prisma.patient.create({
    data: { email: 'newer@example.org', ssn: '1', fullName: 'Old', notes: 'old', birthDate: new Date(0), ward: 'F' },
  })
  await sql(`UPDATE "Patient" SET "fullName" = 'New', notes = NULL, email = 'Newer@example.org' WHERE id = $1`, [id])
  expect((await runCli(setup, ['decrypt', 'Patient', '--json'])).code).toBe(0)
  expect(await bare.patient.findUnique({ where: { id } })).toMatchObject({
    email: 'Newer@example.org',
    ssn: '1',
    fullName: 'New',
    notes: null,
    birthDate: new Date(0),
  })
})

test('rows that do not open, and tokens whose value is lost, are findings and stay as they were', async () => {
  const [a, b, c] = await Promise.all(
    ['a', 'b', 'c'].map((name) =>
      prisma.patient.create({ data: { email: `${name}@lost.org`, ssn: name, fullName: name, ward: 'L' } }),
    ),
  )
  await sql(`UPDATE "Patient" SET envelope = (SELECT envelope FROM "Patient" WHERE id = $2) WHERE id = $1`, [a?.id, b?.id])
  await sql(`UPDATE "Patient" SET envelope = NULL WHERE id = $1`, [c?.id])
  const held = () => sql(`SELECT t::text FROM "Patient" AS t WHERE id = ANY($1::text[]) ORDER BY id`, [`{${a?.id},${c?.id}}`])
  const before = await held()
  const { code, events, result } = await runCli(setup, ['decrypt', 'Patient', '--json'])
  expect(code).toBe(1)
  expect(events.filter(({ event }) => event === 'finding')).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ model: 'Patient', primaryKey: { id: a?.id }, code: 'CANNOT_OPEN' }),
      expect.objectContaining({ model: 'Patient', primaryKey: { id: c?.id }, code: 'FOREIGN_WRITE' }),
    ]),
  )
  expect(result).toMatchObject({ models: [{ written: 1, refused: 2, complete: true, envelopesLeft: 1 }] })
  expect(await held()).toEqual(before)
  await sql(`DELETE FROM "Patient" WHERE ward = 'L'`)
})

test('a value that the column no longer holds is a finding, not a shorter value', async () => {
  const { id } = await prisma.patient.create({ data: { email: 'long@example.org', fullName: 'Longer than ten', ward: 'N' } })
  await sql(`ALTER TABLE "Patient" ALTER COLUMN "fullName" TYPE varchar(10) USING left("fullName", 10)`)
  const { code, events } = await runCli(setup, ['decrypt', 'Patient', '--json'])
  expect(code).toBe(1)
  expect(events).toContainEqual(expect.objectContaining({ event: 'finding', primaryKey: { id }, code: 'ALTERED' }))
  await sql(`ALTER TABLE "Patient" ALTER COLUMN "fullName" TYPE text`)
  expect((await runCli(setup, ['decrypt', 'Patient', '--json'])).code).toBe(0)
  expect(await sql(`SELECT "fullName" FROM "Patient" WHERE id = $1`, [id])).toEqual([{ fullName: 'Longer than ten' }])
})
