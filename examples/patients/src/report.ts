import type { WriteStream } from 'node:tty'
import { SingleBar } from 'cli-progress'

/** What the newcomer reads. Colours and the progress bar appear on a terminal only. */
export class Report {
  readonly #stream: WriteStream
  readonly #coloured: boolean
  #steps = 0

  constructor(stream: WriteStream) {
    this.#stream = stream
    this.#coloured = stream.isTTY && !process.env['NO_COLOR']
  }

  step(title: string): void {
    this.#steps += 1
    this.#write(`\n${this.#paint(1, `${this.#steps}  ${title}`)}`)
  }

  line(text: string): void {
    this.#write(`   ${text}`)
  }

  verdict(good: boolean, text: string): void {
    this.#write(`\n${this.#paint(good ? 32 : 31, good ? '✔' : '✘')} ${text}`)
  }

  /** Cells that are too wide for their column end in `…`. */
  table(head: readonly string[], rows: readonly (readonly string[])[], widest: number): void {
    const widths = head.map((_, at) => Math.min(widest, Math.max(...[head, ...rows].map((row) => row[at]?.length ?? 0))))
    const format = (row: readonly string[]): string =>
      row
        .map((cell, at) => shortened(cell, widths[at] ?? widest).padEnd(widths[at] ?? widest))
        .join('  ')
        .trimEnd()
    this.line(this.#paint(2, format(head)))
    for (const row of rows) this.line(format(row))
  }

  /** Runs `work`, which says how far it is. */
  async progress<T>(total: number, work: (advance: (by: number) => void) => Promise<T>): Promise<T> {
    if (!this.#stream.isTTY) return work(() => {})
    const format = '   [{bar}] {value} of {total} rows, {duration_formatted}'
    const bar = new SingleBar({ format, stream: this.#stream, clearOnComplete: true, hideCursor: true, barsize: 40 })
    bar.start(total, 0)
    try {
      return await work((by) => bar.increment(by))
    } finally {
      bar.stop()
    }
  }

  #write(text: string): void {
    this.#stream.write(`${text}\n`)
  }

  #paint(code: number, text: string): string {
    return this.#coloured ? `\u001b[${code}m${text}\u001b[0m` : text
  }
}

export function count(number: number, noun?: string): string {
  const digits = number.toLocaleString('en-US')
  return noun === undefined ? digits : `${digits} ${noun}${number === 1 ? '' : 's'}`
}

export function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`
}

function shortened(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`
}
