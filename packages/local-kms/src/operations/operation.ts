import type { Location } from '../key-reference.ts'
import type { KeyStore } from '../key-store.ts'
import type { Input } from '../protocol/input.ts'

/** One Region of the KMS. */
export interface Service extends Location {
  readonly store: KeyStore
  /** Where its multi-Region keys can be replicated to, by Region. */
  readonly replicas: ReadonlyMap<string, Service>
  /** The Region that replicates keys to this one. */
  readonly primary?: Service
}

/** Answers the JSON output, or `undefined` for an empty body; throws a `KmsException`. */
export type Operation = (service: Service, input: Input) => Promise<object | undefined>
