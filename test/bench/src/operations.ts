import { row, rows } from './rows.ts'
import { bareCrypto } from './sealing.ts'
import { compare, type Outcome } from './side-by-side.ts'
import type { Stand } from './stand.ts'

export type OperationName =
  | 'findMany1000'
  | 'findMany100'
  | 'findUnique'
  | 'create'
  | 'createMany1000'
  | 'updateAll'
  | 'updateOne'
  | 'plainModel'

/** Times operations of Prisma Client with and without encryption. */
export async function timeOperations(stand: Stand, report: (name: OperationName, outcome: Outcome) => void) {
  const plain = stand.plain()
  const sealed = stand.sealed()
  const refill = async () => {
    await stand.execute('TRUNCATE "Plain", "Sealed"')
    await plain.plain.createMany({ data: rows(1000) })
    await sealed.sealed.createMany({ data: rows(1000) })
    await stand.execute('ANALYZE')
  }
  await refill()
  const { id: plainId } = await plain.plain.findFirstOrThrow()
  const [{ id: sealedId } = never(), spare = never()] = await plain.sealed.findMany({ take: 2 })
  const data = { ...row(1), note: 'changed' }
  const envelope = spare.envelope as { fs: string; ct: string }
  const bare = bareCrypto(Buffer.from(envelope.ct, 'base64').length - 28)
  const placeholders = { name: '*', email: '*', phone: '*', street: '*' }
  let n = 0

  const outcomes = {} as Record<OperationName, Outcome>
  const time = async (name: OperationName, contest: Parameters<typeof compare>[0]) => {
    outcomes[name] = await compare(contest)
    report(name, outcomes[name])
  }
  await time('findMany1000', {
    plain: () => plain.plain.findMany(),
    encrypted: () => sealed.sealed.findMany(),
    floor: () => plain.sealed.findMany().then((found) => bare.open(found.length)),
    repeat: 1,
    rounds: 60,
  })
  await time('findMany100', {
    plain: () => plain.plain.findMany({ take: 100 }),
    encrypted: () => sealed.sealed.findMany({ take: 100 }),
    floor: () => plain.sealed.findMany({ take: 100 }).then((found) => bare.open(found.length)),
    repeat: 5,
    rounds: 60,
  })
  await time('findUnique', {
    plain: () => plain.plain.findUnique({ where: { id: plainId } }),
    encrypted: () => sealed.sealed.findUnique({ where: { id: sealedId } }),
    floor: () => plain.sealed.findUnique({ where: { id: sealedId } }).then(() => bare.open(1)),
    repeat: 25,
    rounds: 60,
  })
  await time('updateAll', {
    plain: () => plain.plain.update({ where: { id: plainId }, data: { ...data, name: `name ${n++}` } }),
    encrypted: () => sealed.sealed.update({ where: { id: sealedId }, data: { ...data, name: `name ${n++}` } }),
    floor: () => {
      bare.seal(1)
      const written = { ...envelope, ct: `${n++}` }
      return plain.sealed.update({
        where: { id: spare.id, envelope: { path: ['fs'], equals: envelope.fs } },
        data: { ...data, ...placeholders, envelope: written },
        omit: { envelope: true },
      })
    },
    repeat: 20,
    rounds: 60,
  })
  await time('updateOne', {
    plain: () => plain.plain.update({ where: { id: plainId }, data: { name: `name ${n++}` } }),
    encrypted: () => sealed.sealed.update({ where: { id: sealedId }, data: { name: `name ${n++}` } }),
    repeat: 20,
    rounds: 60,
  })
  await time('plainModel', {
    plain: () => mixed(plain, plainId, n++),
    encrypted: () => mixed(sealed, plainId, n++),
    repeat: 10,
    rounds: 80,
  })
  await time('create', {
    plain: () => plain.plain.create({ data: row(n++) }),
    encrypted: () => sealed.sealed.create({ data: row(n++) }),
    repeat: 20,
    rounds: 60,
  })
  await time('createMany1000', {
    plain: () => plain.plain.createMany({ data: rows(1000) }),
    encrypted: () => sealed.sealed.createMany({ data: rows(1000) }),
    repeat: 1,
    rounds: 25,
    tidy: () => stand.execute('TRUNCATE "Plain", "Sealed"'),
  })
  return outcomes
}

/** A read and a write on a model without encrypted fields. */
async function mixed({ plain }: ReturnType<Stand['plain']> | ReturnType<Stand['sealed']>, id: string, n: number): Promise<void> {
  await plain.findUnique({ where: { id } })
  await plain.update({ where: { id }, data: { visits: n } })
}

function never(): never {
  throw new Error('the rows that were written are not there')
}
