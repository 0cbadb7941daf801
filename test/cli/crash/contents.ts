import { EnvelopeError } from 'prisma-envelope'
import type { Key, Values } from './ledger.ts'
import type { Db } from './stance.ts'
import type { Contents } from './verdict.ts'

export interface Reading {
  readonly contents: Contents
  /** Of rows that do not open. */
  readonly problems: readonly string[]
}

/** Reads all rows; where one does not open, each by itself. */
export async function readContents({ patient, condition, member }: Db): Promise<Reading> {
  const problems: string[] = []
  async function rowsOf(
    model: string,
    all: () => Promise<readonly Values[]>,
    keys: () => Promise<readonly { readonly id: Key }[]>,
    one: (id: Key) => Promise<Values>,
  ): Promise<readonly Values[]> {
    try {
      return await all()
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error
    }
    const rows: Values[] = []
    for (const { id } of await keys()) {
      try {
        rows.push(await one(id))
      } catch (error) {
        if (!(error instanceof EnvelopeError)) throw error
        // The verdict does not ask for its values then.
        rows.push({ id })
        problems.push(`${model} ${id} can't be read: ${error.code}: ${error.message}`)
      }
    }
    return rows
  }
  const select = { id: true }
  const contents = {
    Patient: await rowsOf(
      'Patient',
      () => patient.findMany(),
      () => patient.findMany({ select }),
      (id) => patient.findUniqueOrThrow({ where: { id: id as string } }),
    ),
    Condition: await rowsOf(
      'Condition',
      () => condition.findMany(),
      () => condition.findMany({ select }),
      (id) => condition.findUniqueOrThrow({ where: { id: id as number } }),
    ),
    Member: await rowsOf(
      'Member',
      () => member.findMany(),
      () => member.findMany({ select }),
      (id) => member.findUniqueOrThrow({ where: { id: id as string } }),
    ),
  }
  return { contents, problems }
}
