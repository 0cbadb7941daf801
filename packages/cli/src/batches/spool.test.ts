import { expect, it } from 'vitest'
import { createSpool } from './spool.ts'

it('finds what occurs twice among more than it keeps in memory, and the same name never twice', async () => {
  const spool = createSpool()
  for (let i = 0; i < 20_000; i++) await spool.add(`value ${i}`, `{"id":"${i}"}`)
  await spool.add('value 7', '{"id":"late"}')
  await spool.add('value 8', '{"id":"8"}')
  await spool.add('value 19999', '{"id":"later"}')
  const found: string[] = []
  for await (const name of spool.repeated()) found.push(name)
  await spool.close()
  expect(found.sort()).toEqual(['{"id":"late"}', '{"id":"later"}'])
})
