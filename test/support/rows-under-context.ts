import { createKeyring, createKeys, createRowCipher, type KeyStore, type StoredKey } from 'prisma-envelope/rows'
import { models } from './client.ts'
import type { createEncryptedClient } from './encrypted-client.ts'

type Encrypted = Awaited<ReturnType<typeof createEncryptedClient>>

/** What `write` makes. */
export const patientOf = (n: number) => ({
  id: `p${n}`,
  email: `${n}@example.org`,
  ssn: `ssn ${n}`,
  fullName: `Name ${n}`,
  ward: 'A',
})

/** Another process that writes patients under contexts, with caches of its own. */
export function contextWriter(
  { bare, keys, indexKey, prisma }: Encrypted,
  options: Partial<Parameters<typeof createKeys>[0]> = {},
) {
  const keyStore: KeyStore = {
    load: async (ids) => (await bare.envelopeKey.findMany({ where: { id: { in: [...ids] } } })) as StoredKey[],
    async newest(kid, table, contextDigest) {
      if ((await bare.envelopeKey.count({ where: { contextDigest, erasedAt: { not: null } } })) > 0) return { erased: true }
      const key = await bare.envelopeKey.findFirst({ where: { kid, table, contextDigest }, orderBy: { generation: 'desc' } })
      return { erased: false, ...(key !== null && { key: key as StoredKey }) }
    },
    insert: async ({ context, ...key }) =>
      (await bare.envelopeKey.createMany({ data: [{ ...key, context: { ...context } }], skipDuplicates: true })).count === 1,
  }
  const cipher = createRowCipher({ keys: createKeys({ keyring: createKeyring(keys), keyStore, indexKey, ...options }) })
  const { table } = models.Patient
  return async (tenant: string, n: number): Promise<void> => {
    const { id, ward, ...record } = patientOf(n)
    const [email, ssn, [envelope]] = await Promise.all([
      prisma.$envelope.token('Patient.email', record.email),
      prisma.$envelope.token('Patient.ssn', record.ssn),
      cipher.seal([
        {
          table: table.identity,
          binding: [{ column: 'id', tag: 's', value: id }],
          record: { ...record, birthDate: null, history: null, notes: null },
          ctx: { tenant },
        },
      ]),
    ])
    await bare.patient.create({ data: { id, ward, email, ssn, fullName: '*', envelope: { ...envelope } as never } })
  }
}
