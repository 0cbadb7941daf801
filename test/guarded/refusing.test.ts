import { describe, expect, test } from 'vitest'
import { models } from '../support/client.ts'
import { createEncryptedClient } from '../support/encrypted-client.ts'

type Plan = (typeof models)['AllTypes']['columns'][keyof (typeof models)['AllTypes']['columns']]

const { bare, prisma, sql } = await createEncryptedClient('refusing')

/** Plaintext of a column, as an SQL constant takes it. */
function plaintextOf({ type, native, list, values }: Plan): string {
  const value = (() => {
    switch (type) {
      case 'String':
        return native?.name === 'Uuid' ? 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' : 'Ada'
      case 'Int':
      case 'BigInt':
        return '7'
      case 'Float':
      case 'Decimal':
        return '1.5'
      case 'Boolean':
        return 'true'
      case 'DateTime':
        return native?.name === 'Time' ? '08:30' : '2020-02-29 08:30'
      case 'Json':
        return '[1]'
      case 'Bytes':
        return '\\x01'
      case 'Enum':
        return Object.values(values ?? {})[1] ?? ''
    }
  })()
  return `'${list === true ? `{"${value.replaceAll('\\', '\\\\')}"}` : value}'`
}

const ALL = {
  string: 'a',
  int: 1,
  bigInt: 1n,
  float: 1,
  decimal: 1,
  boolean: true,
  dateTime: new Date(),
  json: [],
  bytes: new Uint8Array([1]),
  mood: 'SAD',
} as const

const rows = {
  AllTypes: await prisma.allTypes.create({ data: ALL }),
  NativeTypes: await prisma.nativeTypes.create({ data: { text: 'a' } }),
  Contact: await prisma.contact.create({ data: { email: 'a@b', familyName: 'A', street: 'S' } }),
}

describe.each(['AllTypes', 'NativeTypes', 'Contact'] as const)('%s', (model) => {
  const { table, columns } = models[model]
  const fields = Object.entries<Plan>(columns).filter(([, column]) => column.encrypted !== undefined)

  test.each(fields)('refuses plaintext in %s', async (_name, plan) => {
    const error = await sql(
      `UPDATE "${table.name}" SET "${plan.column}" = ${plaintextOf(plan)} WHERE id = ${rows[model].id}`,
    ).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(error).toMatchObject({ code: '23514', constraint_name: `envelope_guard_${table.name}_${plan.column}` })
  })
})

test.each(['NULL', `'null'`, `'{}'`, `'[]'`, `'"ct"'`, `'["ct"]'`, `'{"ct": null}'`, `'{"ct": 1}'`])(
  'refuses %s for an envelope',
  async (value) => {
    await expect(sql(`UPDATE "Contact" SET "envelope_v1" = ${value}`)).rejects.toMatchObject({
      code: '23514',
      constraint_name: 'envelope_guard_Contact_envelope_v1',
    })
  },
)

test.each([
  '~abcd.x',
  `~abcd.${'A'.repeat(42)}B`,
  ` ~abcd.${'A'.repeat(43)}`,
  `~abcd.${'A'.repeat(43)}\n`,
  `~abcd.${'A'.repeat(44)}`,
])('refuses %j for a token', async (value) => {
  await expect(sql(`UPDATE "Contact" SET "email" = $1`, [value])).rejects.toMatchObject({ code: '23514' })
})

test('refuses what a client without the extension writes: one row, many, an update and an upsert', async () => {
  const data = { email: 'ada@example.org', fullName: 'Ada Lovelace', ward: 'B2' }
  const { id } = await prisma.patient.create({ data })
  const writes = [
    () => bare.patient.create({ data: { ...data, email: 'b@example.org' } }),
    () => bare.patient.createMany({ data: [{ ...data, email: 'c@example.org' }] }),
    () => bare.patient.update({ where: { id }, data: { fullName: 'Ada King' } }),
    () => bare.patient.updateMany({ data: { notes: 'a note' } }),
    () => bare.patient.upsert({ where: { id: 'x' }, create: data, update: {} }),
  ]
  for (const write of writes) await expect(write()).rejects.toThrow(/envelope_guard_Patient_|23514/)
  expect(await prisma.patient.findMany()).toMatchObject([data])
})

test('lets such a client change what is not encrypted, and delete', async () => {
  const { id } = await prisma.patient.create({ data: { email: 'd@example.org', fullName: 'D', ward: 'A' } })
  await bare.patient.update({ where: { id }, data: { ward: 'B' } })
  expect(await prisma.patient.findUnique({ where: { id } })).toMatchObject({ ward: 'B', fullName: 'D' })
  await bare.patient.delete({ where: { id } })
})
