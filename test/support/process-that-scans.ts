// A process of its own, run with tsx: reads a whole table, a page at a time, tells how much memory it had on the way, and has nothing more to do. Its keys
// are cached then.
import { clientOfProcess } from './process-client.ts'

const { MAX_ENTRIES = '', PAGE = '', SAMPLE = '' } = process.env
const { bare, prisma } = clientOfProcess({
  cache: { maxEntries: Number(MAX_ENTRIES), maxAge: 3_600_000 },
  deadline: 60_000,
})

const resident: number[] = []
let rows = 0
let wrong = 0
for (let last = 0; ; ) {
  const page = await prisma.category.findMany({ where: { id: { gt: last } }, orderBy: { id: 'asc' }, take: Number(PAGE) })
  if (page.length === 0) break
  for (const { id, name } of page) if (name !== `Category ${id}`) wrong += 1
  rows += page.length
  last = page.at(-1)?.id ?? last
  if (rows % Number(SAMPLE) === 0) {
    globalThis.gc?.()
    resident.push(process.memoryUsage.rss())
  }
}
process.stdout.write(JSON.stringify({ rows, wrong, resident }))
await bare.$disconnect()
