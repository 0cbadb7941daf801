import { createKeyring, createKeys, createRowCipher } from 'prisma-envelope/rows'
import { expect, test } from 'vitest'
import { createEncryptedClient } from '../support/encrypted-client.ts'
import { outputOf, ownProcess } from '../support/own-process.ts'
import { size } from './size.ts'

const { database, sql, kms, keys, arn, indexKey } = await createEncryptedClient('scan')

const MEGABYTE = 2 ** 20
/** Rows stand in the order in which they were sealed, so that each key is asked for once, however small the cache. */
const ROWS_PER_KEY = 500
const ROWS = size({ full: 1_000_000, small: 20_000 })
const KEYS = ROWS / ROWS_PER_KEY
const BATCH = 5000

async function seed(): Promise<void> {
  const cipher = createRowCipher({
    keys: createKeys({
      keyring: createKeyring(keys),
      branch: { maxRows: ROWS_PER_KEY },
      cache: { maxEntries: 0 },
      deadline: 60_000,
    }),
  })
  for (let from = 1; from <= ROWS; from += BATCH) {
    const ids = Array.from({ length: BATCH }, (_, i) => from + i)
    const envelopes = await cipher.seal(ids.map((id) => ({ table: 'Category', binding: [], record: { name: `Category ${id}` } })))
    const rows = ids.map((id, i) => ({ id, envelope: envelopes[i] }))
    await sql(
      `INSERT INTO "Category" (id, name, envelope)
       SELECT id, '*', envelope FROM jsonb_to_recordset($1::text::jsonb) AS t(id int, envelope jsonb)`,
      [JSON.stringify(rows)],
    )
  }
}

test(`a scan of ${ROWS} rows under ${KEYS} keys, with a cache of half as many, takes no more memory as it goes on, and its process ends by itself`, {
  timeout: 900_000,
}, async () => {
  await seed()
  kms.resetLog()
  const settings = { MAX_ENTRIES: String(KEYS / 2), PAGE: '1000', SAMPLE: String(ROWS / 20) }
  const started = ownProcess(
    new URL('../support/process-that-scans.ts', import.meta.url),
    { database, kms, arn, indexKey },
    settings,
  )
  const { rows, wrong, resident } = JSON.parse(await outputOf(started, 850_000)) as {
    rows: number
    wrong: number
    resident: readonly number[]
  }
  expect({ rows, wrong }).toEqual({ rows: ROWS, wrong: 0 })
  expect(kms.calls).toEqual({ Decrypt: KEYS })

  // By half of the way the cache has been full for once, and the code is compiled.
  const half = resident.slice(0, resident.length / 2)
  const rest = resident.slice(resident.length / 2)
  expect(resident).toHaveLength(20)
  expect((Math.max(...rest) - Math.max(...half)) / MEGABYTE).toBeLessThan(32)
})
