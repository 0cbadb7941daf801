import type { Cleanup } from '../../patients/src/cleanup.ts'
import type { Database } from '../../patients/src/database/database.ts'
import type { Report } from '../../patients/src/report.ts'
import { createFleet } from './application/fleet.ts'
import { person } from './traffic/people.ts'

/** Nobody's number at any time of the demo. */
const STRANGER = 999_999_999

/**
 * An instance without the extension, and SQL by hand, try to write plaintext.
 *
 * @throws Error where they succeed.
 */
export async function showRefusals(
  env: Readonly<Record<string, string>>,
  { sql }: Database,
  report: Report,
  cleanup: Cleanup,
): Promise<void> {
  const old = createFleet(env)
  cleanup.add(() => old.stop())
  await old.add('before')
  const stranger = person(STRANGER)
  const { status, body } = await old.request('POST', '/patients', stranger)
  if (status !== 500) throw new Error(`a client without the extension wrote plaintext: it was answered ${status}`)
  const { error } = body as { error: string }
  if (!/violates check constraint/.test(error)) throw new Error(`a client without the extension was refused, but by ${error}`)
  report.line(`prisma.patient.create() without the extension: ${error.split('\n').at(-1)}`)
  const { rows } = await sql.query<{ id: string }>('select id from "Patient" limit 1')
  const update = `update "Patient" set "fullName" = 'Ada Lovelace' where id = $1`
  const refusal = await sql.query(update, [rows[0]?.id]).then(
    () => undefined,
    (thrown: Error) => thrown,
  )
  if (refusal === undefined) throw new Error('SQL by hand wrote plaintext')
  report.line(`${update.replace('$1', '…')}: ${refusal.message}`)
  await old.stop()
}
