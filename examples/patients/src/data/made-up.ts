import { faker } from '@faker-js/faker'
import { Prisma } from '../../generated/prisma/client.ts'
import { type Condition, type Data, dateOf, type Patient, wardOf } from './data.ts'
import { diagnoses } from './diagnoses.ts'

/** The same patients at every run. */
export function makeUp(rows: number): Data {
  faker.seed(20260101)
  faker.setDefaultRefDate('2026-01-01T00:00:00Z')
  const patients = Array.from({ length: rows }, (_, at) => patient(at))
  return { patients, conditions: patients.flatMap(conditionsOf) }
}

function patient(at: number): Patient {
  const sex = faker.person.sexType()
  const birthDate = day(faker.date.birthdate({ mode: 'age', min: 0, max: 95 }))
  const married = faker.datatype.boolean()
  return {
    id: faker.string.uuid(),
    ssn: `999-${faker.string.numeric(2)}-${faker.string.numeric(4)}`,
    prefix: sometimes(0.7, () => faker.person.prefix(sex)),
    firstName: faker.person.firstName(sex),
    lastName: faker.person.lastName(sex),
    suffix: sometimes(0.1, () => faker.person.suffix()),
    maidenName: married && sex === 'female' ? faker.person.lastName() : null,
    birthDate,
    deathDate: sometimes(0.1, () => day(faker.date.between({ from: birthDate, to: '2026-01-01T00:00:00Z' }))),
    birthplace: `${faker.location.city()}  ${faker.location.state()}  US`,
    gender: sex === 'female' ? 'F' : 'M',
    maritalStatus: married ? 'M' : sometimes(0.5, () => 'S'),
    race: faker.helpers.arrayElement(['white', 'black', 'asian', 'native', 'other']),
    ethnicity: faker.helpers.arrayElement(['nonhispanic', 'hispanic']),
    driversLicense: sometimes(0.8, () => `S999${faker.string.numeric(5)}`),
    passport: sometimes(0.6, () => `X${faker.string.numeric(8)}X`),
    address: faker.location.streetAddress({ useFullAddress: true }),
    city: faker.location.city(),
    county: faker.location.county(),
    state: faker.location.state(),
    zip: faker.location.zipCode('#####'),
    latitude: faker.location.latitude({ precision: 10 }),
    longitude: faker.location.longitude({ precision: 10 }),
    expenses: new Prisma.Decimal(faker.finance.amount({ max: 900_000, dec: 4 })),
    coverage: new Prisma.Decimal(faker.finance.amount({ max: 90_000, dec: 4 })),
    ward: wardOf(at),
  }
}

function conditionsOf({ id: patientId, birthDate }: Patient): Condition[] {
  return faker.helpers.multiple(
    () => {
      const [code, description] = faker.helpers.arrayElement(diagnoses)
      const start = day(faker.date.between({ from: birthDate, to: '2026-01-01T00:00:00Z' }))
      const stop = sometimes(0.6, () => day(faker.date.soon({ days: 400, refDate: start })))
      return { id: faker.string.nanoid(), patientId, encounterId: faker.string.uuid(), code, description, start, stop }
    },
    { count: { min: 0, max: 6 } },
  )
}

function sometimes<T>(probability: number, make: () => T): T | null {
  return faker.datatype.boolean({ probability }) ? make() : null
}

function day(date: Date): Date {
  return dateOf(date.toISOString())
}
