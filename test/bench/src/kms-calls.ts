import { rows } from './rows.ts'
import type { Stand } from './stand.ts'

/** KMS calls of clients whose caches are empty. No field of the model is searchable, so that no index key is among them. */
export async function countKmsCalls({ kms, sealed, execute }: Stand) {
  const calls = () => Object.values(kms.calls).reduce((sum: number, n) => sum + n, 0)

  await execute('TRUNCATE "Sealed" CASCADE')
  const writer = sealed()
  for (let batch = 0; batch < 10; batch++) await writer.sealed.createMany({ data: rows(1000) })
  kms.resetLog()
  const found = await sealed().sealed.findMany()
  if (found.length !== 10_000) throw new Error(`expected 10,000 rows, found ${found.length}`)
  const coldRead10000 = calls()

  const id = found[0]?.id ?? ''
  kms.resetLog()
  const reader = sealed()
  // Not findUnique: Prisma would merge reads of one tick into one query.
  const answers = await Promise.all(Array.from({ length: 3000 }, () => reader.sealed.findFirst({ where: { id } })))
  if (answers.some((answer) => answer?.id !== id)) throw new Error('a reader of the stampede got another row')
  const stampede3000 = calls()

  await execute('TRUNCATE "Sealed" CASCADE')
  await sealed({ wrap: 'direct', deadline: 60_000 }).sealed.createMany({ data: rows(1000) })
  kms.resetLog()
  const direct = await sealed({ wrap: 'direct', deadline: 60_000 }).sealed.findMany()
  if (direct.length !== 1000) throw new Error(`expected 1,000 rows, found ${direct.length}`)
  return { coldRead10000, stampede3000, direct1000: calls() }
}
