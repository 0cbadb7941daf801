import type { EnvelopeOptions, Mode, ModeOption } from 'prisma-envelope'
import { models } from '../../support/client.ts'
import { createEncryptedClient, type EncryptedClient } from '../../support/encrypted-client.ts'

/** A client of each mode, and one without the extension, on one database. */
export async function createModes(hint: string) {
  const { client, ...made } = await createEncryptedClient(hint)
  const ignore = (): void => {}
  const inMode = (mode: ModeOption, more: Partial<EnvelopeOptions> = {}): EncryptedClient =>
    client({ mode, onForeignWrite: ignore, ...more })
  const clients: Readonly<Record<Mode, EncryptedClient>> = {
    plain: inMode('plain'),
    dual: inMode('dual'),
    strict: inMode('strict'),
  }
  return { ...made, client, inMode, ...clients }
}

export type Modes = Awaited<ReturnType<typeof createModes>>

/** The plan as it was before a field was annotated. */
export function planWithout(model: keyof typeof models, field: string): typeof models {
  const { [field]: column, ...others } = models[model].columns as Record<string, object>
  const { encrypted: _, ...plain } = column as { encrypted?: unknown }
  return { ...models, [model]: { ...models[model], columns: { ...others, [field]: plain } } }
}

/** The plan of an application that knows nothing of a field. */
export function planUnaware(model: keyof typeof models, field: string): typeof models {
  const { [field]: _, ...columns } = models[model].columns as Record<string, object>
  return { ...models, [model]: { ...models[model], columns } }
}

/** A patient's own fields. */
export function patientOf(id: string) {
  return {
    id,
    email: `${id}@example.org`,
    ssn: `ssn ${id}` as string | null,
    fullName: `${id} Lovelace`,
    birthDate: new Date('1815-12-10T00:00:00.000Z') as Date | null,
    history: { visits: [1, null] } as unknown,
    notes: null as string | null,
    ward: 'A1',
  }
}

export type Patient = ReturnType<typeof patientOf>

export const select = {
  id: true,
  email: true,
  ssn: true,
  fullName: true,
  birthDate: true,
  history: true,
  notes: true,
  ward: true,
} as const

/** Makes a patient, and says what it holds. Those below it are of the same kind. */
type Kind = (modes: Modes, id: string) => Promise<Patient>

const below = (id: string) => ({
  profile: { create: { bio: `bio of ${id}`, phone: '+44' } },
  conditions: { create: [{ code: 'J11', description: `flu of ${id}` }] },
})

async function create(db: EncryptedClient, id: string): Promise<Patient> {
  const { history, ...patient } = patientOf(id)
  await db.patient.create({ data: { ...patient, history: history as object, notes: `notes of ${id}`, ...below(id) } })
  return { ...patientOf(id), notes: `notes of ${id}` }
}

/** Every kind of row that a database may hold on its way to ciphertext, or back. */
export const kinds: Readonly<Record<string, Kind>> = {
  'without an envelope': ({ bare }, id) => create(bare as unknown as EncryptedClient, id),
  sealed: ({ strict }, id) => create(strict, id),
  'sealed before a field was annotated': ({ client }, id) => create(client({ models: planWithout('Patient', 'notes') }), id),
  'sealed, with foreign values': async (modes, id) => {
    const patient = await create(modes.strict, id)
    await modes.sql(`UPDATE "Patient" SET "fullName" = 'Foreign', ssn = 'foreign ' || id WHERE id = $1`, [id])
    await modes.sql(`UPDATE conditions SET descr = 'foreign' WHERE patient_id = $1`, [id])
    return { ...patient, fullName: 'Foreign', ssn: `foreign ${id}` }
  },
  'sealed, with foreign NULLs': async (modes, id) => {
    const patient = await create(modes.strict, id)
    await modes.sql(`UPDATE "Patient" SET "birthDate" = NULL, ssn = NULL, history = NULL WHERE id = $1`, [id])
    return { ...patient, birthDate: null, ssn: null, history: null }
  },
  'sealed, with a foreign value in place of null': async (modes, id) => {
    const patient = await create(modes.strict, id)
    await modes.strict.patient.update({ where: { id }, data: { notes: null, birthDate: null } })
    await modes.sql(`UPDATE "Patient" SET notes = 'foreign', "birthDate" = '1999-01-01' WHERE id = $1`, [id])
    return { ...patient, notes: 'foreign', birthDate: new Date('1999-01-01T00:00:00.000Z') }
  },
}
