import { id, row } from './rows.ts'
import { bareCrypto } from './sealing.ts'
import type { Stand } from './stand.ts'

const PLACEHOLDERS = { name: '*', email: '*', phone: '*', street: '*' }

/**
 * The least that rows of this format cost: plain Prisma on the same columns, and the AES-256-GCM operations alone. Rows that `rewrite` has
 * written do not open; `rewriteMany` writes back what it has read.
 */
export async function openFloor(stand: Stand) {
  const { sealed } = stand.plain
  const found = await sealed.findUniqueOrThrow({ where: { id: id(1) } })
  const envelope = found.envelope as { fs: string; ct: string }
  const bare = bareCrypto(Buffer.from(envelope.ct, 'base64').length - 28)
  let n = 0
  return {
    findMany: async (take: number) => bare.open((await sealed.findMany({ take })).length),
    findUnique: async () => {
      await sealed.findUnique({ where: { id: found.id } })
      bare.open(1)
    },
    rewrite: async () => {
      bare.seal(1)
      await sealed.update({
        where: { id: found.id, envelope: { path: ['fs'], equals: envelope.fs } },
        data: { ...row(n), note: 'changed', ...PLACEHOLDERS, envelope: { ...envelope, ct: `${n++}` } },
        omit: { envelope: true },
      })
    },
    rewriteMany: async () => {
      const all = await sealed.findMany({ select: { id: true, envelope: true } })
      bare.open(all.length)
      bare.seal(all.length)
      await stand.plain.$executeRawUnsafe(
        `UPDATE "Sealed" AS old SET name = '*', envelope = new.envelope FROM jsonb_to_recordset($1::jsonb) AS new(id text, envelope jsonb) WHERE old.id = new.id`,
        JSON.stringify(all),
      )
    },
  }
}

export type Floor = Awaited<ReturnType<typeof openFloor>>
