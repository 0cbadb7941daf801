import type { WriteStream } from 'node:tty'

/** A stream that remembers what was written to it. */
export interface Transcript {
  readonly stream: WriteStream
  text(): string
}

export function transcriptOf(stream: WriteStream): Transcript {
  const written: string[] = []
  const write = (text: string): boolean => {
    written.push(text)
    return stream.write(text)
  }
  return { stream: Object.assign(Object.create(stream) as WriteStream, { write }), text: () => written.join('') }
}
