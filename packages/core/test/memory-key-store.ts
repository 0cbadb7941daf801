import type { KeyStore, StoredKey } from '../src/keys/key-store.ts'

/** A key store in memory that several key services may share, as processes share a database. */
export interface MemoryKeyStore extends KeyStore {
  readonly rows: StoredKey[]
  readonly calls: { load: number; newest: number; insert: number }
  /** Ids of each `load`. */
  readonly loaded: (readonly string[])[]
  /** Runs before each call reads or writes: wait in it to be slow, throw in it to fail. */
  before: (call: 'load' | 'newest' | 'insert') => Promise<void>
  /** Changes a row, as SQL would. */
  change(id: string, change: Partial<StoredKey>): void
}

export function memoryKeyStore(): MemoryKeyStore {
  const rows: StoredKey[] = []
  const inContext = (contextDigest: string): readonly StoredKey[] => rows.filter((row) => row.contextDigest === contextDigest)
  const uniqueKeys = new Set<string>()
  const store: MemoryKeyStore = {
    rows,
    calls: { load: 0, newest: 0, insert: 0 },
    loaded: [],
    before: () => Promise.resolve(),
    async load(ids) {
      store.calls.load++
      store.loaded.push(ids)
      await store.before('load')
      return rows.filter(({ id }) => ids.includes(id)).map(copy)
    },
    async newest(kid, table, contextDigest) {
      store.calls.newest++
      await store.before('newest')
      const found = inContext(contextDigest)
      if (found.some(({ erasedAt }) => erasedAt !== null)) return { erased: true }
      const own = found.filter((row) => row.kid === kid && row.table === table)
      const newest = own.toSorted((a, b) => b.generation - a.generation)[0]
      return { key: newest && copy(newest), erased: false }
    },
    async insert(key) {
      store.calls.insert++
      await store.before('insert')
      const unique = [key.kid, key.table, key.contextDigest, key.generation].join(' ')
      if (uniqueKeys.has(unique)) return false
      uniqueKeys.add(unique)
      rows.push(copy(key))
      return true
    },
    change(id, change) {
      const place = rows.findIndex((row) => row.id === id)
      rows[place] = { ...(rows[place] as StoredKey), ...change }
    },
  }
  return store
}

/** Nobody's change of what was returned reaches the store. */
function copy(key: StoredKey): StoredKey {
  return structuredClone(key)
}
