import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { KMSClient } from '@aws-sdk/client-kms'
import { PrismaPg } from '@prisma/adapter-pg'
import { awsKms } from '@prisma-envelope/kms/aws'
import { type LocalKms, startLocalKms } from '@prisma-envelope/local-kms'
import { createIndexKey, type EnvelopeOptions, envelopeEncryption } from 'prisma-envelope'
import { fieldEncryptionExtension } from 'prisma-field-encryption'
import { execute } from '../../support/migrations.ts'
import { startPostgres } from '../../support/postgres.ts'
import { Prisma, PrismaClient } from '../generated/client/client.ts'
import { models, omit } from '../generated/envelope/index.ts'
import { PrismaClient as PeerClient } from '../generated/peer/client.ts'
import { dmmf } from '../generated/peer-dmmf/dmmf.ts'

/** A PostgreSQL and a KMS with empty tables, and clients on them. */
export async function openStand() {
  const server = await startPostgres()
  const database = `bench_${process.pid}`
  await execute(server.url, `CREATE DATABASE "${database}"`)
  const url = Object.assign(new URL(server.url), { pathname: `/${database}` }).href
  await execute(url, await readFile(new URL('../schema.sql', import.meta.url), 'utf8'))
  const kms = await startLocalKms()
  const [{ arn }, next] = [await kms.createKey('alias/bench'), await kms.createKey('alias/next')]
  const client = new KMSClient({ endpoint: kms.url, region: kms.region, credentials: { ...kms.credentials }, maxAttempts: 1 })
  const keys = { current: awsKms({ name: 'pii', keyId: arn, client }) }
  /** Opens what was moved to another KMS key, too. */
  const bothKeys = { current: awsKms({ name: 'next', keyId: next.arn, client }), others: [keys.current] }
  const indexKey = { current: await createIndexKey(keys) }
  const adapter = () => new PrismaPg({ connectionString: url, max: 10 })
  const plain = new PrismaClient({ adapter: adapter() })
  const unextendedPeer = new PeerClient({ adapter: adapter() })
  const opened: { $disconnect(): Promise<void> }[] = [plain, unextendedPeer]
  const peerKey = `k1.aesgcm256.${randomBytes(32).toString('base64url')}=`

  /** A client with caches of its own: all keys are cold. */
  function sealed(options: Partial<EnvelopeOptions> = {}) {
    const prisma = new PrismaClient({ adapter: adapter(), omit })
    opened.push(prisma)
    return prisma.$extends(envelopeEncryption({ Prisma, models, keys, indexKey, ...options }))
  }

  // Its types are those of Prisma 5; as its documentation says, it is the client that it was given to.
  const peer = unextendedPeer.$extends(fieldEncryptionExtension({ encryptionKey: peerKey, dmmf })) as unknown as PeerClient

  async function close(): Promise<void> {
    await Promise.all(opened.map((prisma) => prisma.$disconnect()))
    client.destroy()
    await kms.stop()
    await execute(server.url, `DROP DATABASE "${database}" WITH (FORCE)`)
    await server.stop()
  }

  return {
    url,
    kms: kms as LocalKms,
    /** By the names that the keyrings give them. */
    arns: { pii: arn, next: next.arn } as Readonly<Record<string, string>>,
    keys,
    bothKeys,
    indexKey,
    plain,
    sealed,
    peer,
    close,
    execute: (sql: string) => execute(url, sql),
  }
}

export type Stand = Awaited<ReturnType<typeof openStand>>
