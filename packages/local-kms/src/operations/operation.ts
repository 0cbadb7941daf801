import type { Location } from '../key-reference.ts'
import type { KeyStore } from '../key-store.ts'
import type { Input } from '../protocol/input.ts'

export interface Service extends Location {
  readonly store: KeyStore
  /** Where multi-Region keys can be replicated to, by Region. */
  readonly replicas: ReadonlyMap<string, Replica>
}

export interface Replica {
  readonly service: Location
  readonly store: KeyStore
}

/** Answers the JSON output, or `undefined` for an empty body; throws a `KmsException`. */
export type Operation = (service: Service, input: Input) => Promise<object | undefined>
