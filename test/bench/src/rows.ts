/** Stands in every text that is encrypted, and in nothing else: where it is found in a table, plaintext is. */
export const MARK = 'legible'

/** A String of 32 characters. */
export function text(label: string, i: number): string {
  return `${label} ${i} `.padEnd(32, `${MARK} `)
}

/** A row of the benchmark's model: four Strings to encrypt, five columns that stay as they are. */
export function row(i: number) {
  return {
    name: text('name', i),
    email: text('email', i),
    phone: text('phone', i),
    street: text('street', i),
    ward: `W${i % 20}`,
    visits: i,
    active: i % 2 === 0,
    createdAt: new Date(1_700_000_000_000 + i * 1000),
    note: i % 3 === 0 ? null : 'seen',
  }
}

export function rows(count: number) {
  return Array.from({ length: count }, (_, i) => row(i))
}

/** The primary key of the i-th row and of its letter. */
export function id(i: number): string {
  return `952f3c1b-73c2-48e1-ad25-${String(i).padStart(12, '0')}`
}

/** What belongs to a row by a relation: two Strings to encrypt. */
export function letter(i: number) {
  return { subject: text('subject', i), body: text('body', i), pages: i % 9 }
}

export function identified(count: number) {
  return rows(count).map((data, i) => ({ id: id(i), ...data }))
}

export function identifiedLetters(count: number) {
  return Array.from({ length: count }, (_, i) => ({ id: id(i), ownerId: id(i), ...letter(i) }))
}
