import { expect, test } from 'vitest'
import { adapterOf, omit, PrismaClient } from '../support/client.ts'
import { createEncryptedClient, extend } from '../support/encrypted-client.ts'

const { database, sql, keys, indexKey } = await createEncryptedClient('database-schema')

test('statements of the extension go to the tables that Prisma reads, whatever search_path says', async () => {
  await sql(`CREATE SCHEMA clinic`)
  for (const table of ['Patient', 'Doctor', 'conditions', 'Profile', 'Tag', '_PatientToTag'])
    await sql(`CREATE TABLE clinic."${table}" (LIKE public."${table}" INCLUDING ALL)`)
  const bare = new PrismaClient({ adapter: adapterOf(database.url, undefined, 'clinic'), omit })
  const prisma = extend(bare, { keys, indexKey })
  try {
    for (const id of ['ada', 'eve'])
      await prisma.patient.create({ data: { id, email: `${id}@example.org`, fullName: id, ward: 'A', notes: 'old' } })
    // Seals each row by a statement of its own.
    expect(await prisma.patient.updateMany({ data: { notes: 'new' } })).toEqual({ count: 2 })
    const dual = extend(bare, { keys, indexKey, mode: 'dual' })
    await sql(
      `UPDATE clinic."Patient" SET envelope = NULL, email = id || '@plain.org', "fullName" = 'Plain', notes = 'plain' WHERE id = 'eve'`,
    )
    // Locks the row first.
    await dual.patient.update({ where: { email: 'eve@plain.org' }, data: { notes: 'newest' } })
    expect(await prisma.patient.findMany({ orderBy: { id: 'asc' }, select: { id: true, fullName: true, notes: true } })).toEqual([
      { id: 'ada', fullName: 'ada', notes: 'new' },
      { id: 'eve', fullName: 'Plain', notes: 'newest' },
    ])
    expect(await sql(`SELECT count(*)::int AS n FROM public."Patient"`)).toEqual([{ n: 0 }])
  } finally {
    await bare.$disconnect()
  }
})
