import { MultiBar, type SingleBar } from 'cli-progress'
import { durationText, findingText, type Output, type Streams } from './output.ts'

/** A bar for each model, for people at a terminal. */
export function terminalOutput({ out, err }: Streams): Output {
  const bars = new MultiBar({
    stream: err,
    hideCursor: true,
    clearOnComplete: false,
    format: '{model} {bar} {percentage} % | {value} of {total} rows | {rate} rows/s | {left} | {kmsCalls} KMS calls{findings}',
    autopadding: true,
  })
  const known = new Map<string, SingleBar>()
  const print = (text: string): void => {
    if (known.size === 0) err.write(`${text}\n`)
    else bars.log(`${text}\n`)
  }
  return {
    progress({ model, done, total, rowsPerSecond, kmsCalls, findings }) {
      let bar = known.get(model)
      if (bar === undefined) known.set(model, (bar = bars.create(total, 0, { model })))
      bar.setTotal(Math.max(total, done))
      bar.update(done, {
        model,
        kmsCalls,
        rate: Math.round(rowsPerSecond),
        left: rowsPerSecond > 0 ? durationText((total - done) / rowsPerSecond) : '…',
        findings: findings > 0 ? ` | ${findings} findings` : '',
      })
    },
    finding: (finding) => print(findingText(finding)),
    note: print,
    result(text) {
      bars.stop()
      out.write(`${text}\n`)
    },
    close: () => bars.stop(),
  }
}
