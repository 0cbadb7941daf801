import { parseArgs } from 'node:util'
import { openStand } from '../stand.ts'
import { countRewrap, peakMemory, timeEncrypt } from './figures.ts'
import { openGround } from './ground.ts'

const HELP = `pnpm bench:migrate [--json] [--rows N] [--rounds N] [--quick]

\`prisma-envelope-cli encrypt\`, in a process of its own, on rows of 4 encrypted Strings, one of them searchable and unique; beside it, in the same run, raw
UPDATEs of ready-made envelopes, and a loop of findMany and update through the extension. The speed of a process is by its wall time, less that of
one on an empty table.

  --rows N    rows that are moved (100000); memory is measured at this and at ten times as many
  --rounds N  of all contestants, in random order; figures are medians (5)
  --quick     2,000 rows, one round: whether it works, no figures
  --json      one JSON object`

const { values } = parseArgs({
  options: {
    rows: { type: 'string' },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
const rows = Number(values.rows ?? (values.quick ? 2000 : 100_000))
const rounds = Number(values.rounds ?? (values.quick ? 1 : 5))

if (values.help) console.log(HELP)
else if (!(Number.isInteger(rows) && rows >= 1000 && Number.isInteger(rounds) && rounds >= 1)) {
  console.error(`--rows takes a whole number from 1000 on, --rounds one from 1 on\n\n${HELP}`)
  process.exitCode = 1
} else await run()

async function run(): Promise<void> {
  const say = (line: string): void => (values.json ? console.error(line) : console.log(line))
  const stand = await openStand()
  const ground = await openGround(stand)
  try {
    const sizes = { rows, loopRows: Math.min(2000, Math.ceil(rows / 10)), rounds }
    const { workers2, ...encrypt } = await timeEncrypt(ground, sizes, say)
    say(
      `encrypt     ${encrypt.rowsPerSecond} rows/s: ${encrypt.ofRawBound} of the raw bound, ${encrypt.timesLoop} times the loop`,
    )
    say(`2 workers   ${workers2} times as fast`)
    const rewrap = await countRewrap(ground, rows)
    say(`rewrap      ${rewrap.kmsCalls} KMS calls for ${rewrap.distinctKeys} distinct wrapped keys of ${rows} rows`)
    const rssMB: Record<string, number> = {}
    for (const size of [rows, 10 * rows]) {
      rssMB[short(size)] = await peakMemory(ground, size)
      say(`peak memory ${rssMB[short(size)]} MB at ${size} rows`)
    }
    if (values.json) console.log(JSON.stringify({ encrypt, workers2, rewrap, rssMB }))
  } finally {
    await ground.close()
    await stand.close()
  }
}

function short(count: number): string {
  if (count % 1_000_000 === 0) return `${count / 1_000_000}m`
  return count % 1000 === 0 ? `${count / 1000}k` : String(count)
}
