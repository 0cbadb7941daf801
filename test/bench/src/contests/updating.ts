import assert from 'node:assert/strict'
import type { Floor } from '../floor.ts'
import { id, identified, letter, row, text } from '../rows.ts'
import type { Contest } from '../side-by-side.ts'

export function updating(floor: Floor) {
  return {
    updateAll: {
      on: ({ people }) => {
        let n = 0
        return {
          run: () => people.update({ where: { id: id(0) }, data: { ...row(++n), note: 'changed' } }),
          check: async (result) => {
            assert.deepEqual(result, { id: id(0), ...row(n), note: 'changed' })
            assert.deepEqual(await people.findUnique({ where: { id: id(0) } }), result)
          },
        }
      },
      floor: floor.rewrite,
      repeat: 20,
      rounds: 60,
    },
    updateOne: {
      on: ({ people }) => {
        let n = 0
        return {
          run: () => people.update({ where: { id: id(0) }, data: { name: text('name', ++n) } }),
          check: async (result) => {
            assert.deepEqual(result, { id: id(0), ...row(0), name: text('name', n) })
            assert.deepEqual(await people.findUnique({ where: { id: id(0) } }), result)
          },
        }
      },
      repeat: 20,
      rounds: 60,
    },
    updateMany1000: {
      on: ({ people }) => {
        let n = 0
        return {
          run: () => people.updateMany({ data: { name: text('name', ++n) } }),
          check: async (result) => {
            assert.deepEqual(result, { count: 1000 })
            const expected = identified(1000).map((data) => ({ ...data, name: text('name', n) }))
            assert.deepEqual(await people.findMany({ orderBy: { visits: 'asc' } }), expected)
          },
        }
      },
      floor: floor.rewriteMany,
      repeat: 1,
      rounds: 30,
    },
    nestedUpdate: {
      on: ({ people }) => {
        let n = 0
        return {
          run: () => {
            const update = { where: { id: id(0) }, data: { subject: text('subject', ++n) } }
            return people.update({ where: { id: id(0) }, data: { visits: n, letters: { update } } })
          },
          check: async (result) => {
            assert.deepEqual(result, { id: id(0), ...row(0), visits: n })
            const letters = [{ id: id(0), ownerId: id(0), ...letter(0), subject: text('subject', n) }]
            const found = await people.findUnique({ where: { id: id(0) }, include: { letters: true } })
            assert.deepEqual(found, { ...row(0), id: id(0), visits: n, letters })
          },
        }
      },
      repeat: 10,
      rounds: 60,
    },
    transactionBatch10: {
      on: ({ people, transaction }) => {
        let n = 0
        return {
          run: () => {
            n++
            return transaction(
              [0, 1, 2, 3, 4].flatMap((i) => [
                people.create({ data: row(n + i) }),
                people.update({ where: { id: id(i) }, data: { name: text('name', n + i) } }),
              ]),
            )
          },
          check: async (result) => {
            const results = result as { id: string }[]
            const expected = [0, 1, 2, 3, 4].flatMap((i) => [
              { id: results[2 * i]?.id, ...row(n + i) },
              { id: id(i), ...row(i), name: text('name', n + i) },
            ])
            assert.deepEqual(results, expected)
            const found = await people.findMany({ where: { id: { in: results.map((each) => each.id) } } })
            const byId = (a: { id: string }, b: { id: string }) => a.id.localeCompare(b.id)
            assert.deepEqual(found.toSorted(byId), results.toSorted(byId))
          },
        }
      },
      repeat: 3,
      rounds: 60,
    },
  } satisfies Record<string, Contest>
}
