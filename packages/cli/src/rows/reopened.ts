import {
  type EncryptionContext,
  type Envelope,
  EnvelopeError,
  type OpenedRow,
  type RowCipher,
  type RowToOpen,
  type RowToSeal,
  type SealedRecord,
} from 'prisma-envelope/rows'

/** Codes of errors that are about the row, and not about the KMS or the configuration as a whole. */
const ABOUT_THE_ROW = new Set(['CANNOT_OPEN', 'KEY_UNKNOWN', 'CONTEXT_MISMATCH', 'UNSUPPORTED', 'ERASED'])

/** Whether an error is about the row, and not about a KMS that is down or refuses. */
export function isAboutTheRow({ code }: EnvelopeError): boolean {
  return ABOUT_THE_ROW.has(code)
}

/**
 * Opens rows; one that does not open has its error in its place.
 *
 * @throws EnvelopeError what is no fault of a row: a KMS that is down or refuses.
 */
export async function openRows(cipher: RowCipher, rows: readonly RowToOpen[]): Promise<readonly (OpenedRow | EnvelopeError)[]> {
  if (rows.length === 0) return []
  const opened = await cipher.open(rows)
  for (const result of opened) if (result instanceof EnvelopeError && !isAboutTheRow(result)) throw result
  return opened
}

/** A row to seal, and the extra encryption context that it was sealed under before, which it keeps. */
export interface RowToSealAnew extends RowToSeal {
  readonly context: Envelope['ctx']
}

/** An envelope, and what is written of it. */
export interface SealedRow {
  readonly envelope: Envelope
  readonly text: string
}

/** Ciphers that seal under an extra encryption context, with the keys of the batch. */
export type CipherOf = (context: EncryptionContext | undefined) => RowCipher

/**
 * Seals rows, opens what came of it and compares: nothing is written that does not give back what went in.
 *
 * @throws Error where a row does not, which would be a defect of this library: then nothing is written at all.
 */
export async function sealAndReopen(cipherOf: CipherOf, rows: readonly RowToSealAnew[]): Promise<readonly SealedRow[]> {
  const envelopes: SealedRow[] = []
  for (const [context, places] of byContext(rows)) {
    const sealed = await sealUnder(
      cipherOf(context),
      places.map((at) => rows[at] as RowToSealAnew),
    )
    places.forEach((at, i) => {
      envelopes[at] = sealed[i] as SealedRow
    })
  }
  return envelopes
}

/** Places of the rows by their context. */
function byContext(rows: readonly RowToSealAnew[]): ReadonlyMap<Envelope['ctx'], readonly number[]> {
  const contexts = new Map<string, Envelope['ctx']>()
  const places = new Map<Envelope['ctx'], number[]>()
  rows.forEach(({ context: own }, at) => {
    const id = own === undefined ? '' : JSON.stringify(own)
    if (!contexts.has(id)) contexts.set(id, own)
    const context = contexts.get(id)
    const others = places.get(context)
    if (others === undefined) places.set(context, [at])
    else others.push(at)
  })
  return places
}

async function sealUnder(cipher: RowCipher, rows: readonly RowToSeal[]): Promise<readonly SealedRow[]> {
  const sealed = (await cipher.seal(rows)).map((envelope) => ({ envelope, text: JSON.stringify(envelope) }))
  // As the database will give them back.
  const stored = rows.map(({ table, binding }, i) => ({
    table,
    binding,
    envelope: JSON.parse((sealed[i] as SealedRow).text) as unknown,
  }))
  const opened = await cipher.open(stored)
  rows.forEach(({ record }, i) => {
    const result = opened[i]
    if (result instanceof EnvelopeError) throw result
    if (result === undefined || !isSameRecord(result.record, record))
      throw new EnvelopeError('CANNOT_OPEN', 'a row that was sealed does not open as it was: nothing of its batch was written')
  })
  return sealed
}

/** As JSON has them, which is how they are sealed: to it, -0 is 0. */
function isSameRecord(a: SealedRecord, b: SealedRecord): boolean {
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && (a[name] === b[name] || JSON.stringify(a[name]) === JSON.stringify(b[name])))
  )
}
