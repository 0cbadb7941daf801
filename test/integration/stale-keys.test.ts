import { setTimeout as after } from 'node:timers/promises'
import type { EnvelopeOptions } from 'prisma-envelope'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createEncryptedClient } from '../support/encrypted-client.ts'

const { kms, prisma, client } = await createEncryptedClient('stale')
afterEach(() => kms.faults.clear())

const MAX_AGE = 50
const id = '0b3e4e8a-5d5f-4a4e-8d0f-1f6f5a1c2d3e'
await prisma.doctor.create({ data: { id, name: 'Gregory House' } })

/** A client whose key for the row has expired. */
async function expired(cache: EnvelopeOptions['cache']) {
  const db = client({ cache: { maxAge: MAX_AGE, refreshAhead: false, ...cache }, deadline: 1000 })
  await db.doctor.findUniqueOrThrow({ where: { id } })
  await after(MAX_AGE + 1)
  return { db, read: () => db.doctor.findUniqueOrThrow({ where: { id } }) }
}

describe('a key that has expired', () => {
  test('opens rows through an outage, if staleIfError lets it', async () => {
    const { read } = await expired({ staleIfError: 600_000 })
    kms.faults.inject({ status5xx: 503 })
    expect(await read()).toMatchObject({ name: 'Gregory House' })
    kms.faults.clear()
    kms.faults.inject({ hang: true })
    expect(await read()).toMatchObject({ name: 'Gregory House' })
  })

  test('seals nothing: a branch key that is too old is of no more use', async () => {
    const db = client({ branch: { maxAge: MAX_AGE }, cache: { staleIfError: 600_000 }, deadline: 500 })
    const doctor = () => db.doctor.create({ data: { name: 'John Watson' } })
    await doctor()
    await after(MAX_AGE + 1)
    kms.faults.inject({ status5xx: 503 })
    await expect(doctor()).rejects.toMatchObject({ code: expect.stringMatching(/UNAVAILABLE|TIMEOUT/) as unknown })
  })

  test('opens nothing by default', async () => {
    const { read } = await expired({})
    kms.faults.inject({ status5xx: 503 })
    await expect(read()).rejects.toMatchObject({ code: expect.stringMatching(/UNAVAILABLE|TIMEOUT/) as unknown })
  })

  test.each([
    ['denied', 'AccessDeniedException', 'ACCESS_DENIED'],
    ['disabled', 'DisabledException', 'KEY_DISABLED'],
    ['gone', 'NotFoundException', 'KEY_UNKNOWN'],
  ])('opens nothing once the KMS has said that it is %s, and no outage brings it back', async (_, name, code) => {
    const { read } = await expired({ staleIfError: 600_000 })
    kms.faults.inject({ exception: { name } })
    await expect(read()).rejects.toMatchObject({ code })
    kms.faults.clear()
    kms.faults.inject({ status5xx: 503 })
    await expect(read()).rejects.toMatchObject({ code: expect.stringMatching(/UNAVAILABLE|TIMEOUT/) as unknown })
    kms.faults.clear()
    await vi.waitFor(async () => expect(await read()).toMatchObject({ name: 'Gregory House' }), { timeout: 20_000 })
  })
})

test('a key in use that the KMS begins to refuse soon opens nothing more', async () => {
  const db = client({ cache: { maxAge: 400 }, deadline: 1000 })
  const read = () => db.doctor.findUniqueOrThrow({ where: { id } })
  await read()
  kms.resetLog()
  // Until the refresh has begun, nothing but reads that the cache answers.
  await vi.waitFor(
    async () => {
      await read()
      expect(kms.calls.Decrypt).toBeGreaterThan(0)
    },
    { interval: 20, timeout: 20_000 },
  )
  kms.faults.inject({ exception: { name: 'AccessDeniedException' } })
  await vi.waitFor(() => expect(read()).rejects.toMatchObject({ code: 'ACCESS_DENIED' }), { interval: 20, timeout: 20_000 })
})
