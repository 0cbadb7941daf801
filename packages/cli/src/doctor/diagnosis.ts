/** `error`: something does not work, or lets plaintext through. `warning`: it may. `note`: to know. */
export type Severity = 'error' | 'warning' | 'note'

/** Something that `doctor` found. Holds no value of an encrypted column. */
export interface Diagnosis {
  readonly severity: Severity
  readonly code: string
  readonly model?: string
  readonly field?: string
  /** Name of a KMS key in the keyring, or id of an index key. */
  readonly key?: string
  readonly meaning: string
  /** What to do. */
  readonly remedy: string
}
