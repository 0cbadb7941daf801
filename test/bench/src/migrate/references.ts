import postgres from 'postgres'
import { arrayLiteral } from 'prisma-envelope/rows'
import type { Ground } from './ground.ts'

/** Rows of a transaction, as the command line has it by default. */
const BATCH = 1000

/** A row as it is once it was moved. */
interface ReadyMade {
  readonly id: string
  readonly envelope: string
  readonly email: string
}

/** What the command line has just written, in the order in which it goes through the table. */
export async function readyMade({ sql }: Ground): Promise<readonly ReadyMade[]> {
  return sql.unsafe<ReadyMade[]>('SELECT id, envelope::text AS envelope, email FROM "Migrated" ORDER BY id')
}

/** Writes ready-made envelopes: the same bytes by the same statement in the same batches, but nothing is read, locked first, or encrypted. */
export async function rawUpdate({ stand }: Ground, rows: readonly ReadyMade[]): Promise<number> {
  const sql = postgres(stand.url, { max: 1, fetch_types: false, onnotice: () => {} })
  try {
    await sql.unsafe('SELECT 1')
    const start = performance.now()
    for (let from = 0; from < rows.length; from += BATCH) {
      const batch = rows.slice(from, from + BATCH)
      const columns = (['id', 'envelope', 'email'] as const).map((name) => arrayLiteral(batch.map((row) => row[name])))
      await sql.begin((tx) =>
        tx.unsafe(
          `UPDATE "Migrated" AS t SET envelope = v.envelope::jsonb, name = '*', email = v.email, phone = '*', street = '*'
           FROM unnest($1::text[], $2::text[], $3::text[]) AS v(id, envelope, email) WHERE t.id = v.id`,
          columns,
          { prepare: true },
        ),
      )
    }
    return performance.now() - start
  } finally {
    await sql.end()
  }
}

/** What one writes without a command line: read a page, update each row by the extension. */
export async function loop({ stand }: Ground, rows: number): Promise<number> {
  const prisma = stand.sealed({ mode: 'dual' })
  await prisma.migrated.findFirst()
  const start = performance.now()
  let after = ''
  for (let done = 0; done < rows; ) {
    const page = await prisma.migrated.findMany({
      where: { id: { gt: after } },
      orderBy: { id: 'asc' },
      take: Math.min(BATCH, rows - done),
    })
    for (const { id, name, email, phone, street } of page) {
      await prisma.migrated.update({ where: { id }, data: { name, email, phone, street } })
    }
    done += page.length
    after = page.at(-1)?.id ?? after
    if (page.length === 0) throw new Error(`the table has only ${done} rows`)
  }
  return performance.now() - start
}
