import assert from 'node:assert/strict'
import type { Floor } from '../floor.ts'
import { id, identified, row } from '../rows.ts'
import type { Contest } from '../side-by-side.ts'

export function reading(floor: Floor) {
  return {
    findMany1000: {
      on: ({ people }) => ({ run: () => people.findMany(), check: async (result) => assertRows(result, 1000) }),
      floor: () => floor.findMany(1000),
      repeat: 1,
      rounds: 60,
    },
    findMany100: {
      on: ({ people }) => ({ run: () => people.findMany({ take: 100 }), check: async (result) => assertRows(result, 100) }),
      floor: () => floor.findMany(100),
      repeat: 5,
      rounds: 60,
    },
    findUnique: {
      on: ({ people }) => ({
        run: () => people.findUnique({ where: { id: id(0) } }),
        check: async (result) => assert.deepEqual(result, { id: id(0), ...row(0) }),
      }),
      floor: floor.findUnique,
      repeat: 25,
      rounds: 60,
    },
    plainModel: {
      on: ({ unencrypted }) => {
        let visits = 0
        return {
          run: async () => {
            await unencrypted.findUnique({ where: { id: id(0) } })
            return unencrypted.update({ where: { id: id(0) }, data: { visits: ++visits } })
          },
          check: async (result) => assert.deepEqual(result, { id: id(0), ...row(0), visits }),
        }
      },
      repeat: 10,
      rounds: 80,
    },
  } satisfies Record<string, Contest>
}

function assertRows(result: unknown, count: number): void {
  const found = (result as { visits: number }[]).toSorted((a, b) => a.visits - b.visits)
  assert.deepEqual(found, identified(count))
}
