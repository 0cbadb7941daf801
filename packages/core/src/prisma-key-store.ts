import type { KeyStore, KeyStoreReader, StoredKey } from './keys/key-store.ts'
import type { Input } from './rewrite/input.ts'

/** Runs an operation on the model of the key store, past all extensions. */
type Run = (operation: string, args: Input) => Promise<unknown>

/** All of a key, whatever the client's global `omit` hides. */
const select = {
  id: true,
  kid: true,
  table: true,
  context: true,
  contextDigest: true,
  generation: true,
  wrapped: true,
  createdAt: true,
  erasedAt: true,
}

/**
 * The key store as a model of Prisma Client. Prisma's operations, not SQL, so that names, types and time zones of the columns are Prisma's business.
 *
 * @param run in a caller's transaction, or beside all transactions.
 */
export function prismaKeyStoreReader(run: Run): KeyStoreReader {
  return {
    load: async (ids) => (await run('findMany', { where: { id: { in: [...ids] } }, select })) as StoredKey[],
    async newest(kid, table, contextDigest) {
      // An erased key of the context comes before the newest one: one query and one row say both.
      const [key] = (await run('findMany', {
        where: { contextDigest, OR: [{ kid, table }, { erasedAt: { not: null } }] },
        orderBy: [{ erasedAt: { sort: 'desc', nulls: 'last' } }, { generation: 'desc' }],
        take: 1,
        select,
      })) as StoredKey[]
      return key !== undefined && key.erasedAt !== null ? { erased: true } : { key, erased: false }
    },
  }
}

/** {@link prismaKeyStoreReader}, and what adds keys to it: each is committed when it resolves. */
export function prismaKeyStore(run: Run): KeyStore {
  return {
    ...prismaKeyStoreReader(run),
    async insert(key) {
      const inserted = (await run('createMany', { data: [key], skipDuplicates: true })) as { readonly count: number }
      return inserted.count === 1
    },
  }
}
