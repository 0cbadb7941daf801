import { closeSync, openSync, readFileSync, readSync } from 'node:fs'

const CHUNK = 4 * 2 ** 20

/**
 * How often each pattern stands in the writable memory of a process, which must be a child of this one: what a debugger, or a core dump, would find.
 * Linux only. The process had better be stopped meanwhile, or not touch the patterns.
 */
export function countInMemory(pid: number, patterns: Readonly<Record<string, Uint8Array>>): Record<string, number> {
  const counts = Object.fromEntries(Object.keys(patterns).map((name) => [name, 0]))
  const longest = Math.max(...Object.values(patterns).map(({ length }) => length))
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  const buffer = Buffer.alloc(CHUNK + longest)
  try {
    for (const [from, to] of writableRanges(pid)) {
      for (let at = from; at < to; at += CHUNK) {
        // The overlap lets a pattern lie across two chunks; one that begins in it is counted with the next.
        const length = readOrNothing(memory, buffer, Math.min(CHUNK + longest - 1, to - at), at)
        for (const [name, pattern] of Object.entries(patterns)) {
          const chunk = buffer.subarray(0, Math.min(length, CHUNK + pattern.length - 1))
          for (let hit = chunk.indexOf(pattern); hit !== -1; hit = chunk.indexOf(pattern, hit + 1))
            counts[name] = (counts[name] ?? 0) + 1
        }
      }
    }
  } finally {
    closeSync(memory)
    buffer.fill(0)
  }
  return counts
}

function writableRanges(pid: number): readonly (readonly [from: number, to: number])[] {
  return readFileSync(`/proc/${pid}/maps`, 'latin1')
    .split('\n')
    .flatMap((line) => {
      const [, from, to] = /^([\da-f]+)-([\da-f]+) rw/.exec(line) ?? []
      return from === undefined || to === undefined ? [] : [[Number.parseInt(from, 16), Number.parseInt(to, 16)] as const]
    })
}

/** Some ranges belong to the kernel or a device, and refuse to be read. */
function readOrNothing(memory: number, buffer: Buffer, length: number, at: number): number {
  try {
    return readSync(memory, buffer, 0, length, at)
  } catch {
    return 0
  }
}
