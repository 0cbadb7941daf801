import { PrismaPg } from '@prisma/adapter-pg'
import { envelopeEncryption } from 'prisma-envelope'
import { PrismaClient as ClientBefore } from '../../generated/before/client.ts'
import { type EnvelopeClient, models, omit } from '../../generated/envelope/index.ts'
import { Prisma, PrismaClient } from '../../generated/prisma/client.ts'
import { databaseUrl, indexKey, keys } from './settings.ts'

/** What is deployed, one after the other. `before` has no extension, and a schema without envelopes. */
export const VERSIONS = ['before', 'plain', 'dual', 'strict'] as const

export type Version = (typeof VERSIONS)[number]

/** All that differs between versions of the application: its own code is the same throughout, and so are the operations of its client. */
export function createClient(version: Version): EnvelopeClient {
  if (version === 'before') return new ClientBefore({ adapter: adapter() }) as unknown as EnvelopeClient
  const prisma = new PrismaClient({ adapter: adapter(), omit })
  return prisma.$extends(envelopeEncryption({ Prisma, models, keys, indexKey, mode: version }))
}

function adapter(): PrismaPg {
  const url = new URL(databaseUrl)
  const schema = url.searchParams.get('schema') ?? 'public'
  url.searchParams.delete('schema')
  // The search path is for SQL that names no schema.
  return new PrismaPg({ connectionString: url.href, max: 5, options: `-c search_path=${schema}` }, { schema })
}
