import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createIndexKey } from 'prisma-envelope'
import { afterAll, expect, test } from 'vitest'
import { runCli, startCli } from '../support/cli.ts'
import type { EncryptedClient } from '../support/encrypted-client.ts'
import { createRotation, patient, type StoredPatient } from '../support/rotation.ts'

const ROWS = 600
const WRITERS = 4
const KILLS = 3
const directory = mkdtempSync(join(tmpdir(), 'rotate-beside-'))
afterAll(() => rmSync(directory, { recursive: true }))

interface Values {
  readonly email: string
  readonly ssn: string | null
  readonly fullName: string
  readonly notes: string | null
}

function valuesOf(i: number): Values {
  const { email, ssn, fullName } = patient(i)
  return { email, ssn, fullName, notes: null }
}

/** Whether a row is as the rotation leaves it. */
function doneBy(kind: string, before: readonly StoredPatient[], indexKey: string): (row: StoredPatient) => boolean {
  const isFresh = (token: string | null) => token === null || token.startsWith(`~${indexKey.split('.')[1]}.`)
  const old = new Set(before.flatMap(({ envelope: { dek, ct } }) => [dek, ct]))
  return ({ email, ssn, envelope: { kid, dek, ct } }) => {
    if (kind === 'reindex') return isFresh(email) && isFresh(ssn)
    return kid === 'next' && (kind === 'rewrap' || !(old.has(dek) || old.has(ct)))
  }
}

/** Rows as a writer was told that they are. */
type Log = Map<string, Values>

/** Updates, inserts and deletes rows of its own until `stop` aborts. Every write must succeed: the command line never makes a writer fail. */
async function write(prisma: EncryptedClient, writer: number, log: Log, stop: AbortSignal): Promise<void> {
  const own = Array.from({ length: ROWS }, (_, i) => i).filter((i) => i % WRITERS === writer)
  for (const i of own) log.set(patient(i).id, valuesOf(i))
  for (let turn = 0; !stop.aborted; turn++) {
    const ids = [...log.keys()]
    const id = ids[Math.floor(Math.random() * ids.length)] as string
    const before = log.get(id) as Values
    const name = `${writer}.${turn}`
    const changes: readonly Partial<Values>[] = [
      { fullName: `Full ${name}` },
      { email: `E${name}@example.org` },
      { notes: `Note ${name}`, ssn: turn % 2 ? null : `S ${name}` },
      { email: `All${name}@example.org`, ssn: `A ${name}`, fullName: `Whole ${name}` },
    ]
    if (turn % 10 === 8) {
      const values = { email: `I${name}@example.org`, ssn: null, fullName: `In ${name}`, notes: null }
      const created = await prisma.patient.create({ data: { ...values, id: `${turn % 20 < 10 ? 'a' : 'z'}${name}`, ward: 'B' } })
      log.set(created.id, values)
    } else if (turn % 10 === 9) {
      await prisma.patient.delete({ where: { id } })
      log.delete(id)
    } else {
      const data = changes[turn % changes.length] as Partial<Values>
      await prisma.patient.update({ where: turn % 3 ? { id } : { email: before.email }, data })
      log.set(id, { ...before, ...data })
    }
  }
}

test.each(['rewrap', 'reencrypt', 'reindex'] as const)(
  '--%s by two processes that are killed and started again loses nothing of what four writers write meanwhile',
  async (kind) => {
    const rotation = await createRotation(`cli-beside-${kind}`)
    const { arn, keys, indexKey, seed, stored, promoted, disable } = rotation
    const fresh = await createIndexKey({ current: rotation.next })
    const indexKeys = { current: fresh, others: [indexKey.current] }
    const setup = { ...rotation.setup, indexKeys: [fresh, indexKey.current] }
    const application = () => promoted({ indexKey: indexKeys, branch: { maxRows: 10_000 } })
    await seed(ROWS)
    const before = await stored()

    const stop = new AbortController()
    const logs = Array.from({ length: WRITERS }, (): Log => new Map())
    const clients = [application(), application()]
    const writers = Promise.all(logs.map((log, i) => write(clients[i % 2] as EncryptedClient, i, log, stop.signal)))
    const args = (process: number) =>
      ['rotate', `--${kind}`, 'Patient', '--json', '--batch', '10', '--workers', '2'].concat(
        kind === 'reencrypt' ? ['--state', join(directory, `${process}.json`)] : [],
      )
    async function killedNow(process: number): Promise<void> {
      for (let kill = 0; kill < KILLS; kill++) {
        const cli = startCli(setup, [...args(process), '--rate', '5'])
        await Promise.race([cli.ended, sleep(1000 + Math.random() * 2500)])
        cli.process.kill('SIGKILL')
        const { code, err } = await cli.ended
        expect(err).toBe('')
        // The writers move rows, too: there may be none left.
        expect([null, 0]).toContain(code)
      }
    }
    try {
      await Promise.all([killedNow(0), killedNow(1)])
      const ends = await Promise.all([0, 1].map((process) => runCli(setup, args(process))))
      for (const end of ends)
        expect(end).toMatchObject({ code: 0, err: '', result: { models: [{ refused: 0, complete: true }] } })
    } finally {
      stop.abort()
      await writers
    }

    const expected = new Map(logs.flatMap((log) => [...log]))
    const isDone = doneBy(kind, before, fresh)
    expect((await stored()).filter((row) => !isDone(row))).toEqual([])
    if (kind !== 'reindex') await disable(arn)
    const reader = rotation.client({
      keys: { current: rotation.next, ...(kind === 'reindex' && { others: [keys.current] }) },
      indexKey: { current: fresh, others: [] },
    })
    const rows = await reader.patient.findMany({ select: { id: true, email: true, ssn: true, fullName: true, notes: true } })
    expect(new Map(rows.map(({ id, ...values }) => [id, values]))).toEqual(expected)
    const searched = kind === 'reindex' ? [...expected].slice(0, 50) : []
    for (const [id, { email }] of searched)
      expect(await reader.patient.findUnique({ where: { email }, select: { id: true } })).toEqual({ id })
  },
)
