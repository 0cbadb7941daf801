import type { KeyHandle } from '../keys/contract.ts'

/**
 * The DEKs of the rows that one operation opens: those that the key layer has, and those that it is to keep. What is new is handed over when all rows are
 * open: keeping it at once could push out what the next rows are about to find.
 */
export interface RowDeks {
  /** To be read at once. */
  find(branchKey: KeyHandle, wrapped: string): Uint8Array | undefined
  /** Takes over `dek`, which unwrapped and opened its row. */
  add(branchKey: KeyHandle, wrapped: string, dek: Buffer): void
  /** Hands over what was added and zeroes it here. */
  settle(): void
}

interface NewDek {
  readonly branchKey: KeyHandle
  readonly wrapped: string
  readonly dek: Buffer
}

/** @param rows how many the operation opens; where they are more than are kept, it leaves the key layer's alone */
export function createRowDeks(rows: number): RowDeks {
  const added: NewDek[] = []
  return {
    find({ rowKeys }, wrapped) {
      return rowKeys === undefined || rows > rowKeys.capacity ? undefined : rowKeys.find(wrapped)
    },
    add(branchKey, wrapped, dek) {
      const { rowKeys } = branchKey
      if (rowKeys === undefined || rows > rowKeys.capacity) dek.fill(0)
      else added.push({ branchKey, wrapped, dek })
    },
    settle() {
      for (const { branchKey, wrapped, dek } of added.splice(0)) {
        branchKey.rowKeys?.keep(wrapped, dek)
        dek.fill(0)
      }
    },
  }
}
