import { childrenOf, MODELS, property } from './schema.ts'

const FILES = 10
const EACH = 12

/** Modules of an application: 120 operations of twelve kinds over the whole schema. */
export function applicationFiles(): readonly string[] {
  return Array.from({ length: FILES }, (_, file) => {
    const operations = Array.from({ length: EACH }, (_, nth) => operation(file * EACH + nth))
    return `import { db } from '#db'

export async function service${file}(id: string, ids: string[]): Promise<unknown[]> {
  const out: unknown[] = []
${operations.map((text) => `  ${text}\n`).join('')}  return out
}
`
  })
}

function operation(nth: number): string {
  // The upper third of the tree, where models have both a parent and children.
  const index = 1 + ((nth * 7) % (Math.floor(MODELS / 3) - 1))
  const model = property(index)
  const children = `${property(childrenOf(index)[0] ?? 0)}s`
  const kinds = [
    [
      `db.${model}.findMany({ where: { email: { in: ids }, active: true, OR: [{ rank: { gt: 3 } }, { title: { contains: id } }] }, orderBy: [{ createdAt: 'desc' }, { id: 'asc' }], take: 10, include: { ${children}: { where: { active: true }, orderBy: { rank: 'asc' } } } })`,
      `.map((row) => row.fullName.length + row.rank + row.${children}.length)`,
    ],
    [
      `db.${model}.findUniqueOrThrow({ where: { id }, select: { id: true, email: true, parent: { select: { id: true, birthDate: true } } } })`,
      '.parent.birthDate?.getTime()',
    ],
    [
      `db.${model}.create({ data: { email: id, fullName: id, title: id, birthDate: new Date(), parent: { connect: { id } }, ${children}: { create: [{ email: id, fullName: id, title: id }, { email: id, fullName: id, title: id, rank: 2 }] } }, include: { ${children}: true } })`,
      `.${children}[0]?.email`,
    ],
    [
      `db.${model}.update({ where: { id }, data: { fullName: id, rank: { increment: 1 }, status: 'CLOSED', ${children}: { update: { where: { id }, data: { fullName: id } }, deleteMany: { active: false } } } })`,
      '.updatedAt.getTime()',
    ],
    [`db.${model}.updateMany({ where: { createdAt: { lt: new Date() }, email: { not: id } }, data: { title: id } })`, '.count'],
    [
      `db.${model}.upsert({ where: { email: id }, create: { email: id, fullName: id, title: id, parentId: id }, update: { fullName: { set: id } } })`,
      '.email',
    ],
    [
      `db.${model}.groupBy({ by: ['status', 'active'], where: { rank: { gte: 1 } }, _count: { _all: true, email: true }, _avg: { rank: true }, orderBy: { status: 'asc' } })`,
      '.map((group) => group._count.email + (group._avg.rank ?? 0))',
    ],
    [
      `db.${model}.aggregate({ where: { active: true }, _count: true, _max: { rank: true }, _sum: { amount: true } })`,
      '._max.rank',
    ],
    [
      `db.${model}.createMany({ data: ids.map((one) => ({ email: one, fullName: one, title: one, parentId: id })), skipDuplicates: true })`,
      '.count',
    ],
    [
      `db.${model}.findFirstOrThrow({ where: { ${children}: { some: { email: id, rank: { gt: 1 } } }, NOT: { title: { startsWith: id } }, parent: { is: { email: { equals: id } } } }, include: { _count: { select: { ${children}: true } }, parent: true } })`,
      '.parent.email',
    ],
    [
      `db.$transaction([db.${model}.count({ where: { status: 'OPEN' } }), db.${model}.findMany({ distinct: ['email'], cursor: { id }, skip: 1, select: { email: true, rank: true } }), db.${model}.delete({ where: { id } })])`,
      '[1].map((row) => row.email)',
    ],
    [
      `db.$transaction(async (tx) => {
    const row = await tx.${model}.findUniqueOrThrow({ where: { email: id } })
    await tx.${model}.update({ where: { id: row.id }, data: { birthDate: null } })
    return row
  })`,
      '.fullName',
    ],
  ] as const
  const [call, use] = kinds[nth % kinds.length] ?? kinds[0]
  return `out.push((await ${call})${use})`
}
