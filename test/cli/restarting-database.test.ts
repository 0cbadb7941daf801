import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { afterAll, expect, test } from 'vitest'
import { startCli } from '../support/cli.ts'
import { adapterOf, omit, PrismaClient } from '../support/client.ts'
import { extend } from '../support/encrypted-client.ts'
import { startKms } from '../support/kms.ts'
import { applyMigrations } from '../support/migrations.ts'
import { startOwnPostgres } from '../support/postgres.ts'

const [server, kms] = await Promise.all([startOwnPostgres(), startKms()])
afterAll(() => server.stop())
const setup = {
  databaseUrl: server.url,
  kms: kms.server,
  keys: { pii: kms.arn },
  indexKeys: [kms.indexKey.current],
}

/** On a connection of its own, as a restart cuts all of them. */
async function count(condition: string): Promise<number> {
  const sql = postgres(server.url, { max: 1, onnotice: () => {} })
  try {
    const [row] = await sql.unsafe<{ n: number }[]>(`SELECT count(*)::int AS n FROM "Patient" WHERE ${condition}`)
    return row?.n ?? 0
  } finally {
    await sql.end()
  }
}

test('a database that is restarted in the middle loses nothing, in either direction', async () => {
  await applyMigrations(server.url)
  const names = Array.from({ length: 2000 }, (_, i) => `Name ${i}`)
  const bare = new PrismaClient({ adapter: adapterOf(server.url), omit })
  await bare.patient.createMany({
    data: names.map((fullName, i) => ({ id: `p${String(i).padStart(4, '0')}`, email: `${i}@example.org`, fullName, ward: 'A' })),
  })
  await bare.$disconnect()

  for (const [command, isDone] of [
    ['encrypt', 'envelope IS NOT NULL'],
    ['decrypt', 'envelope IS NULL'],
  ] as const) {
    const running = startCli(setup, [command, 'Patient', '--batch', '4', '--json'])
    while ((await count(isDone)) === 0) await sleep(10)
    await server.restart()
    const { code, err, events, result } = await running.ended
    expect(err).toBe('')
    expect({ code, result }).toMatchObject({ code: 0, result: { models: [{ refused: 0, complete: true }] } })
    expect(events.filter(({ event, text }) => event === 'note' && String(text).includes('trying again'))).not.toEqual([])
    expect(await count(isDone)).toBe(names.length)

    const prisma = extend(new PrismaClient({ adapter: adapterOf(server.url), omit }), {
      keys: { current: kms.provider },
      indexKey: kms.indexKey,
      mode: 'plain',
    })
    const rows = await prisma.patient.findMany({ select: { fullName: true }, orderBy: { id: 'asc' } })
    expect(rows.map(({ fullName }) => fullName)).toEqual(names)
    await prisma.$disconnect()
  }
})
