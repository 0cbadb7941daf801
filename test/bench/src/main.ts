import { parseArgs } from 'node:util'
import { timeBreaker } from './breaker.ts'
import { countKeyStore } from './key-store.ts'
import { countKmsCalls } from './kms-calls.ts'
import { OPERATIONS, type OperationName, timeOperations } from './operations.ts'
import { priceSealing } from './sealing.ts'
import { openStand } from './stand.ts'
import { weighRows } from './subjects.ts'

/** The most that a figure may be, where there is a limit; above it, the table says so. */
const LIMITS: Readonly<Partial<Record<OperationName, number>>> = {
  findMany1000: 3.2,
  findMany100: 2,
  findUnique: 1.25,
  create: 1.45,
  createMany1000: 1.35,
  updateAll: 1.35,
  updateOne: 2.5,
  updateMany1000: 6,
  plainModel: 1.05,
}

const COLUMNS = [19, 10, 14, 8, 8, 8, 11, 12]

const HELP = `pnpm bench [--json] [operation …]

Prisma Client without the extension, with it, and with prisma-field-encryption, side by side. --json prints one object.
Operations: ${OPERATIONS.join(', ')}.`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
})
const unknown = positionals.filter((name) => !OPERATIONS.some((known) => known === name))
if (values.help || unknown.length > 0) {
  console.log(unknown.length > 0 ? `unknown: ${unknown.join(', ')}\n\n${HELP}` : HELP)
  process.exitCode = unknown.length > 0 ? 1 : 0
} else {
  await run(values.json, positionals.length > 0 ? OPERATIONS.filter((name) => positionals.includes(name)) : OPERATIONS)
}

async function run(json: boolean, names: readonly OperationName[]): Promise<void> {
  const say = (line: string) => {
    if (!json) console.log(line)
  }
  const stand = await openStand()
  try {
    say(line('operation', 'plain ms', 'encrypted ms', 'ratio', 'limit', 'floor', 'peer ms', 'peer ratio'))
    const operations = await timeOperations(stand, names, (name, { plain, encrypted, ratio, floor, peer, peerRatio }) => {
      const limit = LIMITS[name]
      const times = [plain.toFixed(3), encrypted.toFixed(3), ratio.toFixed(2), limit?.toFixed(2), floor?.toFixed(2)]
      const over = limit !== undefined && ratio > limit ? '  over' : ''
      say(line(name, ...times, peer.toFixed(3), peerRatio.toFixed(2)) + over)
    })
    say('peer: prisma-field-encryption 1.6.0, with one key for all rows and no KMS')
    const { seal, open, envelopeBytes } = await priceSealing(stand.keys.current)
    say(`\nseal a row         ${seal.us} µs (node:crypto alone ${seal.bareUs} µs)`)
    say(`open a row         ${open.us} µs (node:crypto alone ${open.bareUs} µs)`)
    say(`envelope           ${envelopeBytes} bytes`)
    const rowBytes = await weighRows(stand)
    say(`row                ${rowBytes.encrypted} bytes, plain ${rowBytes.plain}, peer ${rowBytes.peer}`)
    const kms = await countKmsCalls(stand)
    say(
      `KMS calls          ${kms.coldRead10000} for a cold read of 10,000 rows, ${kms.stampede3000} for 3,000 cold readers, ${kms.direct1000} for 1,000 cold rows in direct mode`,
    )
    const keyStore = await countKeyStore()
    const { inline, keyStore: stored, direct } = keyStore.coldRead100k
    say(`key store          envelope ${keyStore.keyStoreEnvelopeBytes} bytes`)
    say(
      `                   ${stored} KMS calls for a cold read of 100,000 rows that 8 processes wrote on 30 days; ${inline} with inline branch keys, ${direct} in direct mode`,
    )
    const breakerOpenMs = await timeBreaker(stand)
    say(`circuit breaker    open after ${breakerOpenMs} ms of a KMS that answers 503`)
    if (json) console.log(JSON.stringify({ ...operations, seal, open, envelopeBytes, rowBytes, kms, ...keyStore, breakerOpenMs }))
  } finally {
    await stand.close()
  }
}

function line(name: string, ...figures: readonly (string | undefined)[]): string {
  return [name.padEnd(COLUMNS[0] ?? 0), ...figures.map((figure = '', i) => figure.padStart(COLUMNS[i + 1] ?? 0))].join('')
}
