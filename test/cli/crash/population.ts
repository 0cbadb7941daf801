import { randomUUID } from 'node:crypto'
import type { BareClient } from '../../support/encrypted-client.ts'
import { type Key, Ledger, type Log, type ModelName, type Values } from './ledger.ts'
import type { Random } from './random.ts'
import type { SharedField } from './situation.ts'
import { FIELDS, inputOf, valuesOf } from './values.ts'

/** What there is before anybody writes, and whose it is. */
export interface Population {
  /** Of the rows of each writer. */
  readonly logs: readonly Log[]
  /** Of the rows that several writers change, each a field of its own. */
  readonly commons: Log
  /** Of each writer. */
  readonly shared: readonly (readonly SharedField[])[]
  readonly tenants: readonly number[]
}

/** Every so manyth patient is shared. */
const SHARED = 4
const TENANTS = 3
/** No writer has this number. */
const SETTLER = 99

/** Fills the tables with plaintext. */
export async function populate(bare: BareClient, patients: number, writers: number, random: Random): Promise<Population> {
  const ledgers = Array.from({ length: writers }, () => new Ledger())
  const commons = new Ledger()
  const shared: SharedField[][] = ledgers.map(() => [])
  let count = 0
  const valuesFor = (model: ModelName): Values => {
    count += 1
    return valuesOf(SETTLER, count, FIELDS[model], random)
  }
  const settled = (ledger: Ledger | undefined, model: ModelName, key: Key, values: Values): void => {
    ledger?.write('the beginning', [{ kind: 'created', model, key, values }], true)
  }

  const people = Array.from({ length: patients }, (_, i) => {
    const isShared = i % SHARED === 0
    return { id: randomUUID(), values: valuesFor('Patient'), isShared, owner: ledgers[i % writers], at: i }
  })
  await bare.patient.createMany({ data: people.map(({ id, values }) => ({ id, ...inputOf(values) }) as never) })
  for (const { id, values, isShared, owner, at } of people) {
    settled(isShared ? commons : owner, 'Patient', id, values)
    if (isShared) FIELDS.Patient.forEach((field, j) => shared[(at / SHARED + j) % writers]?.push({ key: id, field }))
  }

  const diagnoses = people
    .filter(({ isShared }) => !isShared)
    .flatMap(({ id, owner }) => (random.chance(0.5) ? [{ owner, values: { ...valuesFor('Condition'), patientId: id } }] : []))
  const made = await bare.condition.createManyAndReturn({ data: diagnoses.map(({ values }) => values as never) })
  const keys = new Map(made.map(({ id, code }) => [code, id]))
  for (const { owner, values } of diagnoses)
    settled(owner, 'Condition', keys.get((values as Values)['code'] as string) as number, values)

  const tenants = await bare.tenant.createManyAndReturn({
    data: Array.from({ length: TENANTS }, (_, i) => ({ name: `tenant ${i}` })),
  })
  const belonging = people
    .filter((_, i) => i % 3 === 0)
    .map(({ owner }, i) => ({ owner, id: randomUUID(), values: { ...valuesFor('Member'), tenantId: tenants[i % TENANTS]?.id } }))
  await bare.member.createMany({ data: belonging.map(({ id, values }) => ({ id, ...values }) as never) })
  for (const { owner, id, values } of belonging) settled(owner, 'Member', id, values)

  return { logs: ledgers.map((ledger) => ledger.log()), commons: commons.log(), shared, tenants: tenants.map(({ id }) => id) }
}
