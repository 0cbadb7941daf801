import { assertEncrypted } from 'prisma-envelope'
import { describe, expect, test } from 'vitest'
import { Prisma, plain } from '../../support/client.ts'
import { type BareClient, type EncryptedClient, extend } from '../../support/encrypted-client.ts'
import { createTwins } from '../../support/twins.ts'
import { outcomeOf, written } from '../../support/written.ts'

const { bare, prisma, keys, indexKey, twin, sql } = await createTwins('soft delete')
const DELETED_AT = new Date('2026-01-01T00:00:00.000Z')

const READS = ['findUnique', 'findUniqueOrThrow', 'findFirst', 'findFirstOrThrow', 'findMany', 'count', 'aggregate', 'groupBy']
const FILTERED: ReadonlySet<string> = new Set([...READS, 'update', 'updateMany', 'updateManyAndReturn', 'upsert'])

type Delegate = Record<'update' | 'updateMany', (args: object) => Promise<unknown>>

/** Deletes by an update of the client that the caller uses, and finds only what is not deleted. */
const softDelete = ({ defineExtension, getExtensionContext }: Pick<typeof Prisma, 'defineExtension' | 'getExtensionContext'>) =>
  defineExtension({
    name: 'soft-delete',
    model: {
      $allModels: {
        delete(args: object) {
          return (getExtensionContext(this) as unknown as Delegate).update({ ...args, data: { deletedAt: DELETED_AT } })
        },
        deleteMany(args: object) {
          return (getExtensionContext(this) as unknown as Delegate).updateMany({ ...args, data: { deletedAt: DELETED_AT } })
        },
      },
    },
    query: {
      $allModels: {
        $allOperations({ operation, args, query }) {
          if (!FILTERED.has(operation)) return query(args)
          const where = { ...(args as { where?: object }).where, deletedAt: null }
          return query({ ...args, where } as typeof args)
        },
      },
    },
  })

const build = (client: unknown): EncryptedClient => client as EncryptedClient
const before = build(extend(bare.$extends(softDelete(Prisma)) as unknown as BareClient, { keys, indexKey }))
const after = build(prisma.$extends(softDelete(Prisma)))
const asOnPlainPrisma = build(twin.$extends(softDelete(plain.Prisma as unknown as typeof Prisma)))

async function seed(): Promise<void> {
  for (const client of [prisma, twin]) {
    await client.invoice.deleteMany()
    await client.account.deleteMany()
    for (const id of ['ada', 'bob', 'cem']) {
      await client.account.create({ data: { id, email: `${id}@example.org`, fullName: `Of ${id}`, notes: 'before' } })
      await client.invoice.create({ data: { accountId: id, address: `1 ${id} Street` } })
    }
    await client.account.update({ where: { id: 'bob' }, data: { deletedAt: DELETED_AT } })
    await client.invoice.updateMany({ where: { accountId: 'cem' }, data: { deletedAt: DELETED_AT } })
  }
}

/** What is kept, deleted or not; the numbers of invoices run on. */
const kept = async (client: EncryptedClient) =>
  written(
    await client.account.findMany({
      orderBy: { id: 'asc' },
      include: { invoices: { omit: { id: true }, orderBy: { id: 'asc' } } },
    }),
  )

const operations: readonly [string, (client: EncryptedClient) => Promise<unknown>][] = [
  ['delete by a token', (c) => c.account.delete({ where: { email: 'ada@example.org' } })],
  ['delete of what is deleted', (c) => c.account.delete({ where: { email: 'bob@example.org' } })],
  [
    'delete with a selection',
    (c) => c.account.delete({ where: { id: 'ada' }, select: { fullName: true, invoices: { omit: { id: true } } } }),
  ],
  ['deleteMany', (c) => c.account.deleteMany({ where: { email: { in: ['ada@example.org', 'bob@example.org'] } } })],
  ['delete of a bound row', (c) => c.invoice.deleteMany({ where: { accountId: 'ada', account: { email: 'ada@example.org' } } })],
  ['findMany', (c) => c.account.findMany({ orderBy: { id: 'asc' }, include: { invoices: { omit: { id: true } } } })],
  ['findUnique by a token', (c) => c.account.findUnique({ where: { email: 'bob@example.org' } })],
  ['findUniqueOrThrow by a token', (c) => c.account.findUniqueOrThrow({ where: { email: 'cem@example.org' } })],
  ['findFirst', (c) => c.account.findFirst({ where: { OR: [{ email: 'bob@example.org' }, { email: 'cem@example.org' }] } })],
  ['count', (c) => c.account.count({ where: { email: { not: 'ada@example.org' } } })],
  ['aggregate', (c) => c.account.aggregate({ _count: { notes: true } })],
  [
    'groupBy',
    (c) =>
      c.account.groupBy({
        by: ['email'],
        _count: true,
        orderBy: { _count: { plan: 'asc' } },
        where: { id: { in: ['ada', 'bob'] } },
      }),
  ],
  ['update of a part', (c) => c.account.update({ where: { email: 'cem@example.org' }, data: { notes: 'after' } })],
  ['update of what is deleted', (c) => c.account.update({ where: { id: 'bob' }, data: { notes: 'after' } })],
  ['updateMany', (c) => c.account.updateMany({ data: { notes: 'after' } })],
  [
    'updateManyAndReturn',
    (c) => c.account.updateManyAndReturn({ where: { id: { in: ['ada', 'bob'] } }, data: { fullName: 'after' } }),
  ],
  [
    'upsert of what is there',
    (c) =>
      c.account.upsert({
        where: { email: 'ada@example.org' },
        create: { email: 'x', fullName: 'x' },
        update: { notes: 'after' },
      }),
  ],
  [
    'upsert of what is deleted',
    (c) =>
      c.account.upsert({
        where: { email: 'bob@example.org' },
        create: { id: 'new', email: 'bob@example.org', fullName: 'x' },
        update: { notes: 'after' },
      }),
  ],
  [
    'nested writes',
    (c) =>
      c.account.update({
        where: { email: 'cem@example.org' },
        data: {
          fullName: 'after',
          invoices: { updateMany: { where: { deletedAt: null }, data: { address: 'after' } }, create: { address: 'new' } },
        },
        include: { invoices: { omit: { id: true }, orderBy: { id: 'asc' } } },
      }),
  ],
]

const contexts: readonly [
  string,
  (client: EncryptedClient, call: (c: EncryptedClient) => Promise<unknown>) => Promise<unknown>,
][] = [
  ['', (client, call) => call(client)],
  [' in an interactive transaction', (client, call) => client.$transaction((tx) => call(tx as EncryptedClient))],
  [' in a batch', (client, call) => client.$transaction([call(client) as ReturnType<typeof client.account.count>])],
]

describe.each(contexts)('soft deletion that is applied before encryption, as on plain Prisma%s', (_, within) => {
  test.each(operations)('%s', async (_, call) => {
    await seed()
    expect(await outcomeOf(() => within(before, call))).toBe(await outcomeOf(() => within(asOnPlainPrisma, call)))
    expect(await kept(prisma)).toBe(await kept(twin))
  })
})

describe('soft deletion that is applied after encryption', () => {
  test('hides rows from what takes one query', async () => {
    await seed()
    expect(await after.account.findUnique({ where: { email: 'bob@example.org' } })).toBeNull()
    expect(await after.account.delete({ where: { email: 'ada@example.org' } })).toMatchObject({ fullName: 'Of ada' })
    expect(await after.account.findMany({ select: { id: true } })).toEqual([{ id: 'cem' }])
    expect(await sql(`SELECT count(*)::int FROM "Account"`)).toEqual([{ count: 3 }])
  })

  test('does not see the statements of what takes several', async () => {
    await seed()
    expect(await after.account.updateMany({ data: { notes: 'after' } })).toEqual({ count: 3 })
    expect(await prisma.account.findUnique({ where: { id: 'bob' } })).toMatchObject({ notes: 'after', deletedAt: DELETED_AT })
  })
})

describe('an extension that calls the client that it was applied to', () => {
  /** The rewriting of `delete` that tutorials show. */
  const closed = Prisma.defineExtension((client) =>
    client.$extends({
      query: {
        account: {
          delete: ({ args }) =>
            (client as unknown as EncryptedClient).account.update({ ...args, data: { deletedAt: DELETED_AT } }),
          deleteMany: ({ args }) =>
            (client as unknown as EncryptedClient).account.updateMany({ ...args, data: { deletedAt: DELETED_AT } }),
        },
      },
    }),
  )

  test('gets past encryption that is applied later, and assertEncrypted tells', async () => {
    await seed()
    const client = build(extend(bare.$extends(closed) as unknown as BareClient, { keys, indexKey }))
    expect(await client.account.delete({ where: { id: 'ada' } })).toMatchObject({ fullName: '*' })
    const guarded = Prisma.defineExtension((parent) => {
      assertEncrypted(parent)
      return parent.$extends({})
    })
    expect(() => bare.$extends(guarded)).toThrow('does not encrypt')
    expect(() => prisma.$extends(guarded)).not.toThrow()
  })

  test('is refused where it passes on what encryption has rewritten', async () => {
    await seed()
    const client = build(prisma.$extends(closed))
    const email = 'ada@example.org'
    const expected = { name: 'EnvelopeError', code: 'UNSUPPORTED', model: 'Account', field: 'email' }
    await expect(client.account.delete({ where: { email } })).rejects.toMatchObject(expected)
    await expect(client.account.deleteMany({ where: { email: { in: [email] } } })).rejects.toMatchObject(expected)
    await expect(client.account.deleteMany({ where: { NOT: { email } } })).rejects.toThrow('is a token already')
    expect(await prisma.account.count({ where: { deletedAt: null } })).toBe(2)
  })

  test('gives nothing that is decrypted twice', async () => {
    await seed()
    const client = build(prisma.$extends(closed))
    await expect(client.account.delete({ where: { id: 'ada' } })).rejects.toMatchObject({ code: 'FOREIGN_WRITE' })
  })
})
