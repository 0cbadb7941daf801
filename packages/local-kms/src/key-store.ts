import { createSecretKey, type KeyObject, randomBytes, randomUUID } from 'node:crypto'
import { isRecord } from './protocol/input.ts'
import { claimStateFile, type StateFile } from './state-file.ts'

export interface KmsKey {
  readonly id: string
  readonly material: KeyObject
  readonly enabled: boolean
  readonly description: string
  readonly multiRegion: boolean
  readonly created: Date
  /** When the key goes for good; until then it is pending deletion and can't be used. */
  readonly deletion?: Date
  /** Of a primary key that is to be deleted once its replicas are gone: the days that it then waits. */
  readonly deletionAfterReplicas?: number
  /** Of a replica: the Region of its primary key. */
  readonly primaryRegion?: string
}

interface State {
  readonly keys: ReadonlyMap<string, KmsKey>
  /** Alias name to key id. */
  readonly aliases: ReadonlyMap<string, string>
}

/**
 * Keys and aliases. A change is on disk before the promise of it resolves; one that can't be written did not happen. A key whose
 * deletion is due is gone at once, with its aliases; the next change takes it off the disk.
 */
export class KeyStore {
  readonly #file: StateFile | undefined
  readonly #now: () => number
  #state: State
  #lastChange: Promise<unknown> = Promise.resolve()
  #closed = false

  private constructor(file: StateFile | undefined, state: State, now: () => number) {
    this.#file = file
    this.#state = state
    this.#now = now
  }

  /**
   * @param now milliseconds since 1970
   * @throws Error where the file is held by another server or is not a state file.
   */
  static async open(path: string | undefined, now: () => number): Promise<KeyStore> {
    if (path === undefined) return new KeyStore(undefined, { keys: new Map(), aliases: new Map() }, now)
    const file = await claimStateFile(path)
    try {
      return new KeyStore(file, parseState(await file.read(), path), now)
    } catch (error) {
      await file.release()
      throw error
    }
  }

  key(id: string): KmsKey | undefined {
    const key = this.#state.keys.get(id)
    return key === undefined || this.#isGone(key) ? undefined : key
  }

  /** All keys, sorted by id. */
  get keys(): readonly KmsKey[] {
    return [...this.#state.keys.values()].filter((key) => !this.#isGone(key)).sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  /** Key id that the alias points to. */
  aliasTarget(alias: string): string | undefined {
    const id = this.#state.aliases.get(alias)
    return id === undefined || this.key(id) === undefined ? undefined : id
  }

  /** Names of all aliases that point to the key. */
  aliasesOf(id: string): readonly string[] {
    return [...this.#state.aliases].flatMap(([alias, target]) => (target === id ? [alias] : []))
  }

  /** Milliseconds since 1970. */
  now(): number {
    return this.#now()
  }

  /** Whether it takes no changes any more. */
  get closed(): boolean {
    return this.#closed
  }

  async createKey(properties: { readonly description: string; readonly multiRegion: boolean }): Promise<KmsKey> {
    const key: KmsKey = {
      id: properties.multiRegion ? `mrk-${randomBytes(16).toString('hex')}` : randomUUID(),
      material: createSecretKey(randomBytes(32)),
      enabled: true,
      created: new Date(this.#now()),
      ...properties,
    }
    await this.add(key)
    return key
  }

  /** Keeps a key that was made elsewhere: the replica of a multi-Region key. */
  async add(key: KmsKey): Promise<void> {
    await this.#change((state) => ({ ...state, keys: new Map(state.keys).set(key.id, key) }))
  }

  async setEnabled(id: string, enabled: boolean): Promise<void> {
    await this.#changeKey(id, (key) => ({ ...key, enabled }))
  }

  /** The key can't be used from now on, and is gone at `date`. */
  async scheduleDeletion(id: string, date: Date): Promise<void> {
    await this.#changeKey(id, (key) => {
      const { deletionAfterReplicas: _, ...kept } = key
      return { ...kept, deletion: date }
    })
  }

  /** The key can't be used from now on; `scheduleDeletion` follows once its replicas are gone. */
  async awaitReplicas(id: string, days: number): Promise<void> {
    await this.#changeKey(id, (key) => ({ ...key, deletionAfterReplicas: days }))
  }

  /** As with AWS, the key is disabled afterwards. */
  async cancelDeletion(id: string): Promise<void> {
    await this.#changeKey(id, (key) => {
      const { deletion: _, deletionAfterReplicas: __, ...kept } = key
      return { ...kept, enabled: false }
    })
  }

  #changeKey(id: string, change: (key: KmsKey) => KmsKey): Promise<void> {
    return this.#change((state) => {
      const key = state.keys.get(id)
      return key === undefined ? state : { ...state, keys: new Map(state.keys).set(id, change(key)) }
    })
  }

  /** `mayChange` sees the alias's present target when its turn has come, and throws to refuse. */
  async setAlias(alias: string, id: string, mayChange: (present: string | undefined) => void): Promise<void> {
    await this.#change((state) => {
      mayChange(this.aliasTarget(alias))
      return { ...state, aliases: new Map(state.aliases).set(alias, id) }
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#lastChange
    await this.#file?.release()
  }

  #change(change: (state: State) => State): Promise<void> {
    const turn = this.#lastChange.then(async () => {
      const next = this.#withoutGone(change(this.#state))
      await this.#file?.write(serialize(next))
      this.#state = next
    })
    this.#lastChange = turn.catch(() => {})
    return turn
  }

  #withoutGone({ keys, aliases }: State): State {
    const kept = new Map([...keys].filter(([, key]) => !this.#isGone(key)))
    return { keys: kept, aliases: new Map([...aliases].filter(([, id]) => kept.has(id))) }
  }

  #isGone({ deletion }: KmsKey): boolean {
    return deletion !== undefined && deletion.getTime() <= this.#now()
  }
}

function serialize({ keys, aliases }: State): string {
  const plainKeys = [...keys.values()].map(({ material, created, deletion, ...key }) => ({
    ...key,
    created: created.toISOString(),
    ...(deletion !== undefined && { deletion: deletion.toISOString() }),
    material: material.export().toString('base64'),
  }))
  return `${JSON.stringify({ version: 1, keys: plainKeys, aliases: Object.fromEntries(aliases) }, null, 2)}\n`
}

function parseState(text: string | undefined, path: string): State {
  if (text === undefined) return { keys: new Map(), aliases: new Map() }
  const refused = new Error(`${path} is not a state file of local-kms: restore it, or remove it to begin without keys`)
  let state: unknown
  try {
    state = JSON.parse(text)
  } catch {
    throw refused
  }
  if (!isRecord(state) || state['version'] !== 1 || !Array.isArray(state['keys']) || !isRecord(state['aliases'])) throw refused
  const keys = new Map<string, KmsKey>()
  for (const entry of state['keys']) {
    const key = parseKey(entry)
    if (key === undefined) throw refused
    keys.set(key.id, key)
  }
  const aliases = new Map<string, string>()
  for (const [alias, id] of Object.entries(state['aliases'])) {
    if (typeof id !== 'string' || !keys.has(id)) throw refused
    aliases.set(alias, id)
  }
  return { keys, aliases }
}

function parseKey(entry: unknown): KmsKey | undefined {
  if (!isRecord(entry)) return undefined
  const { id, enabled, description, multiRegion, created, deletion, deletionAfterReplicas, primaryRegion, material } = entry
  if (typeof id !== 'string' || typeof enabled !== 'boolean' || typeof description !== 'string') return undefined
  if (typeof multiRegion !== 'boolean' || typeof created !== 'string' || typeof material !== 'string') return undefined
  if (deletion !== undefined && typeof deletion !== 'string') return undefined
  if (deletionAfterReplicas !== undefined && typeof deletionAfterReplicas !== 'number') return undefined
  if (primaryRegion !== undefined && typeof primaryRegion !== 'string') return undefined
  const bytes = Buffer.from(material, 'base64')
  if (bytes.length !== 32) return undefined
  return {
    id,
    enabled,
    description,
    multiRegion,
    created: new Date(created),
    material: createSecretKey(bytes),
    ...(deletion !== undefined && { deletion: new Date(deletion) }),
    ...(deletionAfterReplicas !== undefined && { deletionAfterReplicas }),
    ...(primaryRegion !== undefined && { primaryRegion }),
  }
}
