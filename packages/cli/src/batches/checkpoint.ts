import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { UsageError } from '../usage-error.ts'
import type { Key } from './page.ts'
import type { Once } from './task.ts'

/** How far a run came, in a file: for work of which the rows themselves don't tell. Holds primary keys, and nothing of encrypted columns. */
export interface Checkpoint {
  /** When the run began that this one goes on with; undefined where this one is the first. */
  readonly resumed: string | undefined
  of(model: string): Once
  /** Nothing is left to resume. */
  finish(): void
}

interface Held {
  /** Of database, models and keys: what a run must have in common with the one that it goes on with. */
  readonly work: string
  readonly begun: string
  readonly host: string
  readonly pid: number
  readonly models: Readonly<Record<string, Reached>>
}

interface Reached {
  readonly after: Key
  readonly rows: number
  readonly refused: number
}

/**
 * @param restart begins anew, whatever another run left
 * @throws UsageError where another process works with the file, it belongs to other work, or can't be read or written
 */
export function openCheckpoint(file: string, work: string, restart: boolean): Checkpoint {
  const path = resolve(file)
  const before = read(path)
  if (before === 'damaged' && !restart) throw new UsageError(`${path} can't be read: give --restart to begin anew`)
  if (typeof before === 'object') {
    if (before.host === hostname() && before.pid !== process.pid && isAlive(before.pid))
      throw new UsageError(
        `the process ${before.pid} is at work with ${path}: let it end, or give this one a file of its own by --state (each then meets all rows; --workers shares them)`,
      )
    if (before.work !== work && !restart)
      throw new UsageError(`${path} is of a run with other models, keys or another database: give another --state, or --restart`)
  }
  const resumed = restart || typeof before !== 'object' ? undefined : before
  let held: Held = {
    work,
    begun: resumed?.begun ?? new Date().toISOString(),
    host: hostname(),
    pid: process.pid,
    models: resumed?.models ?? {},
  }
  try {
    // Of two processes that begin at once, one finds the other's file.
    if (before === undefined) writeFileSync(path, JSON.stringify(held), { mode: 0o600, flag: 'wx' })
    else replace(path, held)
  } catch (error) {
    throw new UsageError(
      `${path}, which is to hold how far the run came, can't be written (${(error as { code?: string }).code}): give another --state`,
    )
  }

  return {
    resumed: Object.keys(held.models).length > 0 ? held.begun : undefined,
    of(model) {
      const { after, rows, refused } = held.models[model] ?? { after: undefined, rows: 0, refused: 0 }
      return { after, rows, refused, reached: (...news) => reached(model, ...news) }
    },
    finish: () => rmSync(path, { force: true }),
  }

  function reached(model: string, after: Key, rows: number, refused: number): void {
    const now = read(path)
    if (typeof now !== 'object' || now.pid !== held.pid || now.host !== held.host)
      throw new Error(`${path} was removed, or taken by another process: what is written is written, but can't be resumed`)
    const known = held.models[model] ?? { rows: 0, refused: 0 }
    held = {
      ...held,
      models: { ...held.models, [model]: { after, rows: known.rows + rows, refused: known.refused + refused } },
    }
    replace(path, held)
  }
}

function read(path: string): Held | 'damaged' | undefined {
  try {
    const held: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return isHeld(held) ? held : 'damaged'
  } catch (error) {
    return (error as { code?: string }).code === 'ENOENT' ? undefined : 'damaged'
  }
}

function isHeld(value: unknown): value is Held {
  if (typeof value !== 'object' || value === null) return false
  const { work, begun, host, pid, models } = value as Partial<Record<keyof Held, unknown>>
  if (typeof models !== 'object' || models === null) return false
  const areReached = Object.values(models).every(
    (reached: Partial<Reached> | null) =>
      Array.isArray(reached?.after) && Number.isInteger(reached.rows) && Number.isInteger(reached.refused),
  )
  return [work, begun, host].every((text) => typeof text === 'string') && Number.isInteger(pid) && areReached
}

/** A reader sees the old file or the new one. */
function replace(path: string, held: Held): void {
  const next = `${path}.${process.pid}.tmp`
  writeFileSync(next, JSON.stringify(held), { mode: 0o600 })
  renameSync(next, path)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM'
  }
}
