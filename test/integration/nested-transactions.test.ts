import { describe, expect, test } from 'vitest'
import { variant } from '../support/client.ts'
import type { EncryptedClient } from '../support/encrypted-client.ts'
import { outcomeOf, written } from '../support/written.ts'
import { m } from './grammar/cases.ts'
import { comparable, comparableContents, openStage } from './grammar/stage.ts'

const { single, plain, changed, restore } = await openStage()

const rollBack = new Error('roll back')
const caught = (error: unknown): string => {
  if (error === rollBack) return 'rolled back'
  return (error as { code?: string }).code ?? String(error)
}

/** Writes in all the ways that take one statement, and in those that take several. */
async function write(tx: EncryptedClient, name: string): Promise<void> {
  await tx.person.update({ where: { id: 'ada' }, data: { name: m(name) } })
  await tx.person.update({ where: { email: m('bob') }, data: { age: null, letters: { create: { title: m(name) } } } })
  await tx.person.update({ where: { id: 'dea' }, data: { boss: { update: { name: m(name) } } } })
  for (const id of ['cem', name]) {
    const create = { id, email: m(id), name: m(name) }
    await tx.person.upsert({ where: { email: m(id) }, create, update: { name: m(name), rank: { increment: 1 } } })
  }
  await tx.letter.updateMany({ where: { pages: { lte: 2 } }, data: { body: [m(name)] } })
  await tx.letter.update({ where: { id: 3 }, data: { authorId: 'ada' } })
  await tx.badge.createMany({ data: [{ ownerId: name, motto: m(name) }] })
  await tx.club.delete({ where: { region_title: { region: 'north', title: m('go') } } }).catch(() => {})
}

type Program = (tx: EncryptedClient) => Promise<unknown>

const programs: Readonly<Record<string, Program>> = {
  'and commits with it': async (tx) => {
    await write(tx, 'outer')
    return tx.$transaction(async (inner) => {
      await write(inner as EncryptedClient, 'inner')
      return inner.person.findMany({ where: { email: m('inner') } })
    })
  },
  'and rolls back alone': async (tx) => {
    await write(tx, 'outer')
    const inner = tx.$transaction(async (within) => {
      await write(within as EncryptedClient, 'inner')
      throw rollBack
    })
    return [await inner.catch(caught), await comparableContents(tx)]
  },
  'and rolls back before anything else is written': async (tx) => {
    const inner = tx.$transaction(async (within) => {
      await write(within as EncryptedClient, 'inner')
      throw rollBack
    })
    return [await inner.catch(caught), await write(tx, 'outer')]
  },
  'and is rolled back with it': async (tx) => {
    await tx.$transaction(async (inner) => write(inner as EncryptedClient, 'inner'))
    await write(tx, 'outer')
    throw rollBack
  },
  'one after the other': async (tx) => {
    const outcomes: unknown[] = []
    for (const [i, fails] of [true, false, true, false].entries()) {
      const inner = tx.$transaction(async (within) => {
        await write(within as EncryptedClient, `inner ${i}`)
        if (fails) throw rollBack
        return i
      })
      outcomes.push(await inner.catch(caught))
    }
    return outcomes
  },
  'with another in it that rolls back': async (tx) =>
    tx.$transaction(async (inner) => {
      await write(inner as EncryptedClient, 'inner')
      const innermost = inner.$transaction(async (within) => {
        await write(within as EncryptedClient, 'innermost')
        throw rollBack
      })
      return [await innermost.catch(caught), await comparableContents(inner as EncryptedClient)]
    }),
  'and rolls back with another in it that did not': async (tx) => {
    const inner = tx.$transaction(async (within) => {
      await within.$transaction(async (innermost) => write(innermost as EncryptedClient, 'innermost'))
      throw rollBack
    })
    return inner.catch(caught)
  },
  'and ends by a unique violation, which the outer one outlives': async (tx) => {
    await tx.person.update({ where: { id: 'ada' }, data: { name: m('outer') } })
    const taken = tx.$transaction(async (inner) => {
      await write(inner as EncryptedClient, 'inner')
      await inner.person.update({ where: { id: 'ada' }, data: { letters: { create: { title: m('x') } }, email: m('bob') } })
    })
    const outcome = await taken.catch(caught)
    await write(tx, 'after')
    return outcome
  },
}

describe.skipIf(variant === '6')('a transaction inside another one, on the only connection,', () => {
  test.each(Object.entries(programs))('%s, as in plain Prisma', async (_, program) => {
    const run = ({ db }: typeof plain) =>
      outcomeOf(() => db.$transaction(async (tx) => comparable(await program(tx as EncryptedClient)), { timeout: 30_000 }))
    expect(await run(single)).toBe(await run(plain))
    expect(written(await comparableContents(single.db))).toBe(written(await comparableContents(plain.db)))
    await restore()
  })

  test('that rolls back leaves no trace, nor does the one around it', async () => {
    await single.db
      .$transaction(async (tx) => {
        await tx.$transaction(async (inner) => write(inner as EncryptedClient, 'inner'))
        throw rollBack
      })
      .catch(caught)
    expect(await changed()).toBeUndefined()
  })

  // Plain Prisma runs such an array on another connection.
  test('given as an array stays in the one around it, and is all or nothing', async () => {
    const found = await single.db.$transaction(async (tx) => {
      await write(tx as EncryptedClient, 'outer')
      const both = await tx.$transaction([
        tx.person.findUnique({ where: { email: m('outer') }, select: { name: true } }),
        tx.person.update({ where: { email: m('outer') }, data: { name: m('inner') }, select: { name: true } }),
        tx.$queryRaw`SELECT count(*)::int AS people FROM persons`,
      ])
      expect(both).toEqual([{ name: m('outer') }, { name: m('inner') }, [{ people: 5 }]])
      const missing = tx.$transaction([
        tx.person.update({ where: { email: m('outer') }, data: { name: m('lost') } }),
        tx.person.update({ where: { id: 'nobody' }, data: { name: m('lost') } }),
      ])
      await expect(missing).rejects.toMatchObject({ code: 'P2025' })
      const taken = tx.$transaction([
        tx.person.update({ where: { email: m('outer') }, data: { name: m('lost') } }),
        tx.person.update({ where: { id: 'ada' }, data: { email: m('bob') } }),
      ])
      await expect(taken).rejects.toMatchObject({ code: 'P2002' })
      return tx.person.findMany({ where: { email: m('outer') }, select: { name: true } })
    })
    expect(found).toEqual([{ name: m('inner') }])
    expect(await single.db.person.findUnique({ where: { email: m('outer') }, select: { name: true } })).toEqual({
      name: m('inner'),
    })
    await restore()
  })
})

test.runIf(variant === '6')('Prisma 6 has no transactions inside transactions', async () => {
  await single.db.$transaction(async (tx) => {
    expect(Reflect.get(tx, '$transaction')).toBeUndefined()
  })
})
