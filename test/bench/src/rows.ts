/** A row of the benchmark's model: four Strings of 32 characters to encrypt, five columns that stay as they are. */
export function row(i: number) {
  const text = (label: string) => `${label} ${i} `.padEnd(32, '0123456789')
  return {
    name: text('name'),
    email: text('email'),
    phone: text('phone'),
    street: text('street'),
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
