import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { letter, row, rows, text } from '../rows.ts'
import type { Contest } from '../side-by-side.ts'
import type { Stand } from '../stand.ts'
import { empty } from '../subjects.ts'

export function creating(stand: Stand) {
  return {
    create: {
      on: ({ people }) => {
        let n = 0
        return {
          run: () => people.create({ data: row(++n) }),
          check: async (result) => {
            const { id } = result as { id: string }
            assert.deepEqual(result, { id, ...row(n) })
            assert.deepEqual(await people.findUnique({ where: { id } }), result)
          },
        }
      },
      repeat: 20,
      rounds: 60,
    },
    createMany1000: {
      on: ({ people }) => ({
        run: () => people.createMany({ data: rows(1000) }),
        check: async (result) => {
          assert.deepEqual(result, { count: 1000 })
          const found = await people.findMany({ omit: { id: true }, orderBy: { visits: 'asc' } })
          assert.deepEqual(found, rows(1000))
        },
      }),
      repeat: 1,
      rounds: 25,
      tidy: () => empty(stand),
    },
    nestedCreate: {
      on: ({ people }) => {
        let n = 0
        const letters = () => [letter(n), letter(n + 1), letter(n + 2)]
        return {
          run: () => people.create({ data: { ...row(++n), letters: { create: letters() } } }),
          check: async (result) => {
            const { id } = result as { id: string }
            assert.deepEqual(result, { id, ...row(n) })
            const include = { letters: { omit: { id: true, ownerId: true }, orderBy: { pages: 'asc' } } } as const
            const expected = letters().toSorted((a, b) => a.pages - b.pages)
            assert.deepEqual(await people.findUnique({ where: { id }, include }), { id, ...row(n), letters: expected })
          },
        }
      },
      repeat: 10,
      rounds: 60,
    },
    // In turn, one that inserts and one that updates the row that the last one inserted.
    upsert: {
      on: ({ people }) => {
        let n = 0
        let id = ''
        return {
          run: () => {
            if (n++ % 2 === 0) id = randomUUID()
            return people.upsert({ where: { id }, create: { id, ...row(7) }, update: { name: text('name', n) } })
          },
          check: async (result) => {
            const changed = n % 2 === 0 ? { name: text('name', n) } : {}
            assert.deepEqual(result, { id, ...row(7), ...changed })
            assert.deepEqual(await people.findUnique({ where: { id } }), result)
          },
        }
      },
      repeat: 20,
      rounds: 60,
    },
  } satisfies Record<string, Contest>
}
