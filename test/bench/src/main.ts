import { parseArgs } from 'node:util'
import { countKmsCalls } from './kms-calls.ts'
import { type OperationName, timeOperations } from './operations.ts'
import { priceSealing } from './sealing.ts'
import { openStand } from './stand.ts'

/** The most that each figure may be; above it, the table says so. */
const LIMITS: Readonly<Record<OperationName, number>> = {
  findMany1000: 3.2,
  findMany100: 2,
  findUnique: 1.25,
  create: 1.45,
  createMany1000: 1.35,
  updateAll: 1.35,
  updateOne: 2.5,
  plainModel: 1.05,
}

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
})
if (values.help) {
  console.log('pnpm bench [--json]\n\nPrisma Client with and without the extension, side by side. --json prints one object.')
} else {
  await run(values.json)
}

async function run(json: boolean): Promise<void> {
  const say = (line: string) => {
    if (!json) console.log(line)
  }
  const stand = await openStand()
  try {
    say('operation          plain ms  encrypted ms   ratio   limit   floor')
    const operations = await timeOperations(stand, (name, { plain, encrypted, ratio, floor }) => {
      const limit = LIMITS[name]
      const least = floor === undefined ? '       ' : floor.toFixed(2).padStart(7)
      const verdict = ratio > limit ? '  over' : ''
      say(
        `${name.padEnd(16)} ${plain.toFixed(3).padStart(10)} ${encrypted.toFixed(3).padStart(13)} ${ratio.toFixed(2).padStart(7)} ${limit.toFixed(2).padStart(7)}${least}${verdict}`,
      )
    })
    const { seal, open, envelopeBytes } = await priceSealing(stand.keys.current)
    say(`\nseal a row         ${seal.us} µs (node:crypto alone ${seal.bareUs} µs)`)
    say(`open a row         ${open.us} µs (node:crypto alone ${open.bareUs} µs)`)
    say(`envelope           ${envelopeBytes} bytes`)
    const kms = await countKmsCalls(stand)
    say(
      `KMS calls          ${kms.coldRead10000} for a cold read of 10,000 rows, ${kms.stampede3000} for 3,000 cold readers, ${kms.direct1000} for 1,000 cold rows in direct mode`,
    )
    if (json) console.log(JSON.stringify({ ...operations, seal, open, envelopeBytes, kms }))
  } finally {
    await stand.close()
  }
}
