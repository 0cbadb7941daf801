import { models } from './client.ts'
import type { EncryptedClient } from './encrypted-client.ts'

type Row = Record<string, unknown>

interface Delegate {
  findMany(args: object): Promise<Row[]>
  update(args: object): Promise<Row>
}

/** Lets two clients write the rows of every model anew by turns, each in the form that it writes; the values and the order of the rows stay. */
export async function rewriteByTurns(even: EncryptedClient, odd: EncryptedClient): Promise<void> {
  for (const [name, { columns, primaryKey, uniques }] of Object.entries(models)) {
    const encrypted = Object.keys(columns).filter((field) => columns[field]?.encrypted !== undefined)
    // What a row holds of Json is no input that gives the same again.
    const written = encrypted.filter((field) => columns[field]?.type !== 'Json' && columns[field]?.list !== true)
    if (written.length === 0) continue
    const [first, second] = [even, odd].map((db) => Reflect.get(db, name.charAt(0).toLowerCase() + name.slice(1)) as Delegate)
    if (first === undefined || second === undefined) continue
    const key = uniques.find(({ fields }) => fields.join() === primaryKey.join())
    for (const [i, row] of (await second.findMany({})).entries()) {
      const only = (fields: readonly string[]): Row => Object.fromEntries(fields.map((field) => [field, row[field]]))
      const where = key === undefined || primaryKey.length === 1 ? only(primaryKey) : { [key.name]: only(primaryKey) }
      await (i % 2 === 0 ? first : second).update({ where, data: only(written) })
    }
  }
}
