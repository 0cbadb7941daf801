import type { ModelPlan } from 'prisma-envelope/rows'
import type { Context } from '../commands/context.ts'
import type { Guard } from './guard.ts'
import { addGuards, dropGuards, validateGuards } from './guard-sql.ts'
import { guardChanges, installedGuards } from './installed.ts'
import { runTransaction } from './run-transaction.ts'

export interface Applied {
  readonly added: number
  readonly validated: number
  readonly dropped: number
  /** Whether rows were written meanwhile that the new guards refuse: then these were taken back. */
  readonly overtaken: boolean
}

const CHECK_VIOLATION = '23514'

/** Adds what is missing, replaces what is of another definition, validates what is not, and leaves the rest alone. */
export async function applyGuards(
  context: Context,
  plan: ModelPlan,
  wanted: readonly Guard[],
  all: readonly Guard[],
  patience: number,
): Promise<Applied> {
  const { toAdd, toValidate, leftOver } = guardChanges(await installedGuards(context.sql, plan), wanted, all)
  const added = toAdd.map(({ name }) => name)
  if (added.length > 0 || leftOver.length > 0)
    await runTransaction(context, patience, added.length > 0 ? addGuards(plan, toAdd, leftOver) : dropGuards(plan, leftOver))
  const names = [...added, ...toValidate]
  const done = { added: added.length, validated: names.length, dropped: leftOver.length, overtaken: false }
  if (names.length === 0) return done
  try {
    await runTransaction(context, patience, validateGuards(plan, names))
    return done
  } catch (error) {
    if ((error as { code?: unknown }).code !== CHECK_VIOLATION) throw error
    // Left as they are, they would refuse updates of rows that an application still holds for its own.
    await runTransaction(context, patience, dropGuards(plan, names))
    return { ...done, added: 0, validated: 0, overtaken: true }
  }
}

/** @returns how many there were */
export async function takeBackGuards(
  context: Context,
  plan: ModelPlan,
  names: readonly string[],
  patience: number,
): Promise<number> {
  if (names.length > 0) await runTransaction(context, patience, dropGuards(plan, names))
  return names.length
}
