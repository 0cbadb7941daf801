import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import { awsKms } from '@prisma-envelope/kms/aws'
import type { EnvelopeOptions } from 'prisma-envelope'
import { afterAll } from 'vitest'
import type { CliSetup } from './cli.ts'
import { createEncryptedClient, type EncryptedClient } from './encrypted-client.ts'
import { kmsClient } from './kms-client.ts'

/** An envelope as SQL sees it. */
export interface StoredEnvelope {
  readonly kid: string
  readonly fs: string
  readonly wk: string | readonly (readonly [string, string])[]
  readonly dek?: string
  readonly ct: string
}

export interface StoredPatient extends Record<string, unknown> {
  readonly id: string
  readonly email: string
  readonly ssn: string | null
  readonly fullName: string
  readonly envelope: StoredEnvelope
}

/** Patients under the KMS key `pii`, 50 to a branch key, and a second KMS key `next`, to which the command line is told to move them. */
export async function createRotation(hint: string, options: Partial<EnvelopeOptions> = {}) {
  const encrypted = await createEncryptedClient(hint, { branch: { maxRows: 50 }, ...options })
  const { kms, arn, keys, database, sql, indexKey } = encrypted
  const aws = kmsClient(kms)
  afterAll(() => aws.destroy())
  const { arn: nextArn } = await kms.createKey()
  const next = awsKms({ name: 'next', keyId: nextArn, client: aws })
  const promoted = { current: next, others: [keys.current] }
  const setup: CliSetup = { databaseUrl: database.url, kms, keys: { next: nextArn, pii: arn }, indexKeys: [indexKey.current] }

  return {
    ...encrypted,
    aws,
    next,
    setup,
    /** A client of an application that has promoted `next`; with caches of its own. */
    promoted: (extra: Partial<EnvelopeOptions> = {}): EncryptedClient => encrypted.client({ keys: promoted, ...extra }),
    seed: (count: number, prisma: EncryptedClient = encrypted.prisma) =>
      prisma.patient.createMany({ data: Array.from({ length: count }, (_, i) => patient(i)) }),
    stored: (): Promise<StoredPatient[]> =>
      sql<StoredPatient>('SELECT id, email, ssn, "fullName", envelope FROM "Patient" ORDER BY id'),
    /** How many rows stand under each KMS key. */
    underKeys: async (): Promise<Record<string, number>> => {
      const rows = await sql<{ kid: string; n: number }>(
        `SELECT envelope ->> 'kid' AS kid, count(*)::int AS n FROM "Patient" GROUP BY 1`,
      )
      return Object.fromEntries(rows.map(({ kid, n }) => [kid, n]))
    },
    disable: (keyId: string) => aws.send(new DisableKeyCommand({ KeyId: keyId })),
    enable: (keyId: string) => aws.send(new EnableKeyCommand({ KeyId: keyId })),
  }
}

/** What a patient is seeded with. The ids are in order, so that rows of one branch key stand together. */
export function patient(i: number) {
  return { id: `p${String(i).padStart(6, '0')}`, email: `P${i}@example.org`, ssn: `ssn ${i}`, fullName: `Name ${i}`, ward: 'A' }
}
