import { beforeEach, describe, expect, it } from 'vitest'
import { EnvelopeError } from '../../errors.ts'
import { type Admission, CircuitBreaker, type Evidence } from './circuit-breaker.ts'

let time: number
let breaker: CircuitBreaker
beforeEach(() => {
  time = 0
  breaker = new CircuitBreaker({ failures: 3, openFor: 1_000, now: () => time }, 'pii', 0)
})

function begin(): Admission {
  const admission = breaker.enter()
  if (admission === undefined) throw new Error('refused')
  return admission
}

function call(evidence: Evidence): void {
  breaker.leave(begin(), evidence, new EnvelopeError('UNAVAILABLE', 'Down'))
}

function open(): void {
  for (let i = 0; i < 3; i++) call('unavailable')
}

describe('a circuit breaker', () => {
  it('opens after as many failures in a row', () => {
    call('unavailable')
    call('unavailable')
    call('answered')
    call('unavailable')
    call('unavailable')
    expect(breaker.stats).toMatchObject({ state: 'closed', opened: 0 })
    time = 17
    call('unavailable')
    expect(breaker.stats).toMatchObject({ key: 'pii', member: 0, state: 'open', opened: 1, changedAt: 17 })
    expect(breaker.enter()).toBeUndefined()
    expect(breaker.lastFailure).toMatchObject({ message: 'Down' })
  })

  it('takes calls that fail together for one failure', () => {
    for (let round = 1; round <= 3; round++) {
      expect(breaker.stats.state).toBe('closed')
      const together = Array.from({ length: 50 }, begin)
      for (const admission of together) breaker.leave(admission, 'unavailable')
    }
    expect(breaker.stats).toMatchObject({ state: 'open', opened: 1 })
  })

  it('learns nothing from calls that were given up or were not the KMS to judge', () => {
    for (let i = 0; i < 10; i++) call('nothing')
    call('unavailable')
    call('nothing')
    call('unavailable')
    call('nothing')
    call('unavailable')
    expect(breaker.stats.state).toBe('open')
  })

  it('lets one call through after a while, and closes when it is answered', () => {
    open()
    time = 999
    expect(breaker.enter()).toBeUndefined()
    expect(breaker.opensIn).toBe(1)
    time = 1_000
    const probe = begin()
    expect(breaker.stats).toMatchObject({ state: 'half-open', halfOpened: 1 })
    expect(breaker.enter()).toBeUndefined()
    breaker.leave(probe, 'answered')
    expect(breaker.stats).toMatchObject({ state: 'closed', closed: 1 })
    call('unavailable')
    call('unavailable')
    expect(breaker.stats.state).toBe('closed')
  })

  it('stays open for as long again when that call fails', () => {
    open()
    time = 1_000
    call('unavailable')
    expect(breaker.stats).toMatchObject({ state: 'open', opened: 2 })
    time = 1_999
    expect(breaker.enter()).toBeUndefined()
    time = 2_000
    expect(breaker.enter()).toBeDefined()
  })

  it('lets another one through at once when that call was given up', () => {
    open()
    time = 1_000
    call('nothing')
    call('answered')
    expect(breaker.stats.state).toBe('closed')
  })

  it('is neither closed nor kept open by calls that began before it opened', () => {
    const [slow, slower] = [begin(), begin()]
    open()
    breaker.leave(slow, 'answered')
    expect(breaker.stats.state).toBe('open')
    time = 1_000
    breaker.leave(begin(), 'answered')
    breaker.leave(slower, 'unavailable')
    call('unavailable')
    call('unavailable')
    expect(breaker.stats.state).toBe('closed')
  })
})
