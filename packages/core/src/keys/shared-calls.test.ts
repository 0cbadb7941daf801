import { describe, expect, it, vi } from 'vitest'
import { gate } from '../../test/fake-kms.ts'
import type { CallTime } from './call-time.ts'
import { Deadline } from './deadline.ts'
import { SharedCalls } from './shared-calls.ts'

const never = (): Promise<never> => new Promise(() => {})
const LONG = 60_000

function sharedCalls(now: () => number = () => 0, maxAsked?: number) {
  const finished = vi.fn<(result: string, asked: number, id: string) => void>()
  const rules = { joinableFor: 5_000, now, joined: () => {}, finished, ...(maxAsked === undefined ? {} : { maxAsked }) }
  return { calls: new SharedCalls<string>(rules), finished }
}

async function withDeadline<T>(milliseconds: number, work: (deadline: Deadline) => Promise<T>): Promise<T> {
  const deadline = new Deadline(milliseconds)
  try {
    return await work(deadline)
  } finally {
    deadline.clear()
  }
}

describe('shared calls', () => {
  it('make one call for all who ask meanwhile', async () => {
    const { calls, finished } = sharedCalls()
    const start = vi.fn<() => Promise<string>>(async () => 'key')
    const ask = () => withDeadline(LONG, (deadline) => calls.ask('a', start, deadline, (key) => key))
    expect(await Promise.all([ask(), ask(), ask()])).toEqual(['key', 'key', 'key'])
    expect(start).toHaveBeenCalledTimes(1)
    expect(finished.mock.calls).toEqual([['key', 3, 'a']])
  })

  it('make a new call for those who ask later', async () => {
    const { calls } = sharedCalls()
    const start = vi.fn<() => Promise<string>>(async () => 'key')
    const ask = () => withDeadline(LONG, (deadline) => calls.ask('a', start, deadline, (key) => key))
    await ask()
    await ask()
    expect(start).toHaveBeenCalledTimes(2)
  })

  it('give a failure only to the one who asked before the call began; the others ask once more, together', async () => {
    const { calls } = sharedCalls()
    const start = vi.fn<() => Promise<string>>()
    start.mockRejectedValueOnce(new Error('first')).mockResolvedValueOnce('key')
    const ask = () => withDeadline(LONG, (deadline) => calls.ask('a', start, deadline, (key) => key))
    const results = await Promise.allSettled([ask(), ask(), ask(), ask()])
    expect(results.map((result) => result.status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled'])
    expect(start).toHaveBeenCalledTimes(2)
  })

  it('make two calls, not a thousand, when a thousand ask for what keeps failing', async () => {
    const { calls } = sharedCalls()
    const start = vi.fn<() => Promise<string>>(async () => Promise.reject(new Error('down')))
    const ask = () => withDeadline(LONG, (deadline) => calls.ask('a', start, deadline, (key) => key))
    const results = await Promise.allSettled(Array.from({ length: 1000 }, ask))
    expect(results.every((result) => result.status === 'rejected')).toBe(true)
    expect(start).toHaveBeenCalledTimes(2)
  })

  it('are not aborted by the deadline of one asker while another waits', async () => {
    const { calls } = sharedCalls()
    const answer = gate()
    let signal: AbortSignal | undefined
    const start = async (time: CallTime): Promise<string> => {
      signal = time.signal
      await answer.passed
      return 'key'
    }
    const impatient = withDeadline(5, (deadline) => calls.ask('a', start, deadline, (key) => key))
    const patient = withDeadline(LONG, (deadline) => calls.ask('a', start, deadline, (key) => key))
    await expect(impatient).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(signal?.aborted).toBe(false)
    answer.open()
    expect(await patient).toBe('key')
  })

  it('are aborted when the last asker has left', async () => {
    const { calls, finished } = sharedCalls()
    let signal: AbortSignal | undefined
    const start = (time: CallTime): Promise<never> => {
      signal = time.signal
      return never()
    }
    const ask = () => withDeadline(5, (deadline) => calls.ask('a', start, deadline, (key) => key))
    const results = await Promise.allSettled([ask(), ask()])
    expect(results).toMatchObject([{ reason: { code: 'TIMEOUT' } }, { reason: { code: 'TIMEOUT' } }])
    expect(signal?.aborted).toBe(true)
    expect(finished).not.toHaveBeenCalled()
  })

  it('hand over a result that comes when nobody waits any more', async () => {
    const { calls, finished } = sharedCalls()
    const answer = gate()
    const start = async (): Promise<string> => {
      await answer.passed
      return 'late'
    }
    const take = vi.fn<(key: string) => string>((key) => key)
    await expect(withDeadline(5, (deadline) => calls.ask('a', start, deadline, take))).rejects.toMatchObject({ code: 'TIMEOUT' })
    answer.open()
    await vi.waitFor(() => expect(finished).toHaveBeenCalledTimes(1))
    expect(take).not.toHaveBeenCalled()
  })

  it('are not joined once they have run too long: a hanging call holds up nobody who comes later', async () => {
    let time = 0
    const { calls } = sharedCalls(() => time)
    const start = vi.fn<() => Promise<string>>().mockReturnValueOnce(never()).mockResolvedValueOnce('key')
    const hanging = withDeadline(5, (deadline) => calls.ask('a', start, deadline, (key) => key)).catch((error: unknown) => error)
    time = 5_000
    expect(await withDeadline(LONG, (deadline) => calls.ask('a', start, deadline, (key) => key))).toBe('key')
    expect(await hanging).toMatchObject({ code: 'TIMEOUT' })
  })

  it('are joined by at most as many as they may serve', async () => {
    const { calls, finished } = sharedCalls(() => 0, 2)
    const start = vi.fn<() => Promise<string>>(async () => 'key')
    const ask = () => withDeadline(LONG, (deadline) => calls.ask('a', start, deadline, (key) => key))
    await Promise.all(Array.from({ length: 5 }, ask))
    expect(finished.mock.calls.map(([, asked]) => asked)).toEqual([2, 2, 1])
  })
})
