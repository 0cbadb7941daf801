import { createHash } from 'node:crypto'
import type { Library } from './libraries.ts'

/** Something that one does with Prisma, and what becomes of it with either library. */
export interface Case {
  readonly title: string
  readonly act: (library: Library) => Promise<unknown>
  readonly peer: unknown
  readonly ours: unknown
}

const names = async (found: Promise<readonly { name: string | null }[]>) => (await found).map(({ name }) => name ?? '').sort()

/** Two members, each with a message, are there before each case. */
export const CASES: readonly Case[] = [
  {
    title: '`in` on a searchable field',
    act: ({ client }) => names(client.member.findMany({ where: { email: { in: ['ada@x.org', 'bob@x.org'] } } })),
    peer: [],
    ours: ['Ada', 'Bob'],
  },
  {
    title: '`notIn` on a searchable field',
    act: ({ client }) => names(client.member.findMany({ where: { email: { notIn: ['ada@x.org', 'bob@x.org'] } } })),
    peer: ['Ada', 'Bob'],
    ours: [],
  },
  {
    title: '`not: { equals }` on a searchable field',
    act: ({ client }) => names(client.member.findMany({ where: { email: { not: { equals: 'ada@x.org' } } } })),
    peer: ['Ada', 'Bob'],
    ours: ['Bob'],
  },
  {
    title: '`contains` on an encrypted field',
    act: ({ client }) => names(client.member.findMany({ where: { email: { contains: '@x.org' } } })),
    peer: [],
    ours: 'throws UNSUPPORTED',
  },
  {
    title: 'equality on an encrypted field that is not searchable',
    act: ({ client }) => names(client.member.findMany({ where: { name: 'Ada' } })),
    peer: [],
    ours: 'throws UNSUPPORTED',
  },
  {
    title: '`orderBy` an encrypted field, descending: the first row',
    act: async ({ client }) => (await client.member.findMany({ orderBy: { email: 'desc' } }))[0]?.name,
    peer: 'Ada',
    ours: 'throws UNSUPPORTED',
  },
  {
    title: '`distinct` on an encrypted field: rows of two members of one name',
    act: async ({ client }) => {
      for (const email of ['ada@x.org', 'bob@x.org']) await client.member.update({ where: { email }, data: { name: 'Sam' } })
      return (await client.member.findMany({ distinct: ['name'] })).length
    },
    peer: 2,
    ours: 'throws UNSUPPORTED',
  },
  {
    title: 'the fluent API',
    act: ({ client }) => client.member.findUnique({ where: { email: 'ada@x.org' } }).messages({ select: { text: true } }),
    peer: [{ text: 'ciphertext' }],
    ours: [{ text: 'a message' }],
  },
  {
    title: 'a Json value with keys that are named like encrypted fields',
    act: async ({ client }) => {
      const { id } = await client.member.create({ data: { details: { email: 'secretary@x.org', 'a.b': { name: 'dotted' } } } })
      return (await client.member.findUnique({ where: { id } }))?.details
    },
    peer: {
      email: 'secretary@x.org',
      emailHash: createHash('sha256').update('secretary@x.org').digest('hex'),
      'a.b': { name: 'dotted' },
      a: { b: { name: 'dotted' } },
    },
    ours: { email: 'secretary@x.org', 'a.b': { name: 'dotted' } },
  },
  {
    title: 'looking for an address after its field was set to null',
    act: async ({ client }) => {
      await client.member.update({ where: { email: 'ada@x.org' }, data: { email: null } })
      return client.member.findUnique({ where: { email: 'ada@x.org' }, select: { name: true, email: true } })
    },
    peer: { name: 'Ada', email: null },
    ours: null,
  },
  {
    title: 'an annotated list of Strings: whether the database shows its plaintext',
    act: ({ stored }) => stored('Member', 'a-secret-tag'),
    peer: true,
    ours: false,
  },
  {
    title: 'what is searched by: whether it is the bare SHA-256 of the value',
    act: ({ stored }) => stored('Member', createHash('sha256').update('ada@x.org').digest('hex')),
    peer: true,
    ours: false,
  },
  {
    title: '`updateMany`: distinct ciphertexts in two rows',
    act: async ({ client, ciphertexts }) => {
      await client.member.updateMany({ data: { name: 'Sam' } })
      return ciphertexts()
    },
    peer: 1,
    ours: 2,
  },
  {
    title: 'plaintext in an encrypted column, read in strict mode',
    act: async ({ client, insertPlaintext }) => {
      const id = await insertPlaintext()
      return client.member.findUnique({ where: { id }, select: { name: true } })
    },
    peer: { name: 'plaintext' },
    ours: 'throws PLAINTEXT_FOUND',
  },
  {
    title: 'ciphertext that was altered, read in the default mode',
    act: async ({ client, alterMessages }) => {
      await alterMessages()
      return client.message.findFirst({ select: { text: true } })
    },
    peer: { text: 'ciphertext' },
    ours: 'throws CANNOT_OPEN',
  },
  {
    title: 'ciphertext that was copied from another row',
    act: async ({ client, copyCiphertext }) => {
      await copyCiphertext('Ada', 'Bob')
      return names(client.member.findMany())
    },
    peer: ['Ada', 'Ada'],
    ours: 'throws CANNOT_OPEN',
  },
]

/** What both do as Prisma does without them. */
export const ALIKE: readonly Case[] = [
  alike(
    '`findUnique`, `not` and `NOT` on a searchable field',
    async ({ client }) => [
      (await client.member.findUnique({ where: { email: 'ada@x.org' } }))?.name,
      await names(client.member.findMany({ where: { email: { not: 'ada@x.org' } } })),
      await names(client.member.findMany({ where: { NOT: { email: 'ada@x.org' } } })),
    ],
    ['Ada', ['Bob'], ['Bob']],
  ),
  alike(
    '`connect`, `connectOrCreate` and a filter through a relation, by a searchable field',
    async ({ client }) => {
      const where = { email: 'bob@x.org' }
      await client.message.create({ data: { text: 'second', sender: { connect: where } } })
      await client.message.create({ data: { text: 'third', sender: { connectOrCreate: { where, create: where } } } })
      const found = await client.message.findMany({ where: { sender: where }, select: { text: true } })
      return found.map(({ text }) => text).sort()
    },
    ['a message', 'second', 'third'],
  ),
  alike(
    '`upsert` by a searchable field, twice',
    async ({ client }) => {
      const where = { email: 'cleo@x.org' }
      for (const name of ['Cleo', 'Cleopatra']) {
        await client.member.upsert({ where, create: { ...where, name }, update: { name } })
      }
      return names(client.member.findMany({ where }))
    },
    ['Cleopatra'],
  ),
  alike(
    'a nested `upsert`, twice',
    async ({ client }) => {
      for (const text of ['new', 'changed']) {
        const upsert = { where: { slug: 'nested' }, create: { slug: 'nested', text }, update: { text } }
        await client.member.update({ where: { email: 'ada@x.org' }, data: { messages: { upsert } } })
      }
      return client.message.findMany({ where: { slug: 'nested' }, select: { text: true } })
    },
    [{ text: 'changed' }],
  ),
  alike('a duplicate', ({ client }) => client.member.create({ data: { email: 'ada@x.org' } }), 'throws P2002'),
  alike(
    'an interactive transaction that is rolled back',
    async ({ client }) => {
      const transaction = client.$transaction(async (tx) => {
        await tx.member.updateMany({ data: { name: 'Sam' } })
        throw new Error('no')
      })
      await transaction.catch(() => {})
      return names(client.member.findMany())
    },
    ['Ada', 'Bob'],
  ),
]

function alike(title: string, act: Case['act'], both: unknown): Case {
  return { title, act, peer: both, ours: both }
}
