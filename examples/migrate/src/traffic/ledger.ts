import type { Patient, PatientChange } from '../application/patient.ts'

/** What the database must hold: all that was there, and every write since that was acknowledged. */
export class Ledger {
  readonly #rows = new Map<string, Patient>()
  readonly #secrets = new Set<string>()
  #writes = 0

  /** Writes acknowledged so far. */
  get writes(): number {
    return this.#writes
  }

  get size(): number {
    return this.#rows.size
  }

  /** A row that was there before. */
  found(patient: Patient): void {
    this.#rows.set(patient.id, patient)
    for (const text of secretsOf(patient)) this.#secrets.add(text)
  }

  created(patient: Patient): void {
    this.found(patient)
    this.#writes += 1
  }

  /** @returns the row as it is now. */
  changed(id: string, change: PatientChange): Patient {
    const patient = { ...this.get(id), ...change }
    this.found(patient)
    this.#writes += 1
    return patient
  }

  deleted(id: string): void {
    this.#rows.delete(id)
    this.#writes += 1
  }

  get(id: string): Patient {
    const patient = this.#rows.get(id)
    if (patient === undefined) throw new Error(`nobody wrote ${id}`)
    return patient
  }

  /** Every encrypted value that there ever was, as the text under which it could stand in the database. */
  get secrets(): ReadonlySet<string> {
    return this.#secrets
  }

  /** What differs, by id and field, of all rows that the database holds. */
  differences(actual: Iterable<Patient>): readonly string[] {
    const differences: string[] = []
    const missing = new Set(this.#rows.keys())
    for (const patient of actual) {
      const expected = this.#rows.get(patient.id)
      if (!missing.delete(patient.id)) differences.push(`Patient (${patient.id}) came twice, was deleted, or nobody wrote it`)
      else if (expected !== undefined) differences.push(...differencesOf(expected, patient))
    }
    return [...differences, ...[...missing].map((id) => `Patient (${id}) is missing`)]
  }
}

/** Names of the fields in which a row is not as it was written. */
export function differencesOf(expected: Patient, actual: Patient): readonly string[] {
  const fields = new Set([...Object.keys(expected), ...Object.keys(actual)] as (keyof Patient)[])
  return [...fields].filter((field) => expected[field] !== actual[field]).map((field) => `Patient.${field} (${expected.id})`)
}

function secretsOf({ email, fullName, phone, birthDate, notes }: Patient): readonly string[] {
  return [email, fullName, phone, birthDate, notes].filter((value) => value !== null)
}
