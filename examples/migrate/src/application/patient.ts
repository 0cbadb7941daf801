/** A patient as the application's interface has it. */
export interface Patient {
  readonly id: string
  readonly email: string
  readonly fullName: string
  readonly phone: string | null
  /** `YYYY-MM-DD` */
  readonly birthDate: string
  readonly notes: string | null
  readonly ward: string
}

export type PatientChange = Partial<Omit<Patient, 'id'>>

type Stored = Omit<Patient, 'birthDate'> & { readonly birthDate: Date }

export function shown({ birthDate, ...patient }: Stored): Patient {
  return { ...patient, birthDate: birthDate.toISOString().slice(0, 10) }
}

export function stored<Given extends PatientChange>({ birthDate, ...patient }: Given) {
  return { ...patient, ...(birthDate !== undefined && { birthDate: new Date(birthDate) }) }
}
