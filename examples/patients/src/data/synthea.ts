import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { parse } from 'csv-parse/sync'
import { Prisma } from '../../generated/prisma/client.ts'
import { type Condition, type Data, dateOf, type Patient, wardOf } from './data.ts'

/** Reads what Synthea exports as `patients.csv` and `conditions.csv` (https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary). */
export async function readSynthea(patientsFile: string, conditionsFile: string | undefined): Promise<Data> {
  const patients = (await records(patientsFile)).map(patient)
  const conditions = conditionsFile === undefined ? [] : (await records(conditionsFile)).map(condition)
  return { patients, conditions }
}

/** One line of a file. Empty cells are null. */
interface CsvRecord {
  text(column: string): string
  optional(column: string): string | null
  date(column: string): Date
}

async function records(file: string): Promise<CsvRecord[]> {
  const lines: Record<string, string>[] = parse(await readFile(file, 'utf8'), {
    columns: true,
    bom: true,
    skip_empty_lines: true,
  })
  return lines.map((cells, at) => {
    const optional = (column: string): string | null => {
      const cell = cells[column]
      if (cell === undefined) throw new Error(`${file} has no column ${column}; give a file with Synthea's columns`)
      return cell === '' ? null : cell
    }
    const required = (column: string): string => {
      const cell = optional(column)
      if (cell === null) throw new Error(`${file}, record ${at + 1}: ${column} is empty`)
      return cell
    }
    const date = (column: string): Date => {
      const day = dateOf(required(column))
      if (Number.isNaN(day.getTime())) throw new Error(`${file}, record ${at + 1}: ${column} is no date`)
      return day
    }
    return { text: required, optional, date }
  })
}

function patient(record: CsvRecord, at: number): Patient {
  return {
    id: record.text('Id'),
    ssn: record.text('SSN'),
    prefix: record.optional('PREFIX'),
    firstName: record.text('FIRST'),
    lastName: record.text('LAST'),
    suffix: record.optional('SUFFIX'),
    maidenName: record.optional('MAIDEN'),
    birthDate: record.date('BIRTHDATE'),
    deathDate: optionalDate(record, 'DEATHDATE'),
    birthplace: record.optional('BIRTHPLACE'),
    gender: record.optional('GENDER'),
    maritalStatus: record.optional('MARITAL'),
    race: record.optional('RACE'),
    ethnicity: record.optional('ETHNICITY'),
    driversLicense: record.optional('DRIVERS'),
    passport: record.optional('PASSPORT'),
    address: record.text('ADDRESS'),
    city: record.text('CITY'),
    county: record.optional('COUNTY'),
    state: record.optional('STATE'),
    zip: record.optional('ZIP'),
    latitude: optionalNumber(record, 'LAT'),
    longitude: optionalNumber(record, 'LON'),
    expenses: optionalDecimal(record, 'HEALTHCARE_EXPENSES'),
    coverage: optionalDecimal(record, 'HEALTHCARE_COVERAGE'),
    ward: wardOf(at),
  }
}

function condition(record: CsvRecord): Condition {
  return {
    // Given here, not by Prisma's nanoid(), so that each row can be compared with its own.
    id: randomBytes(15).toString('base64url'),
    patientId: record.text('PATIENT'),
    encounterId: record.optional('ENCOUNTER'),
    code: record.text('CODE'),
    description: record.text('DESCRIPTION'),
    start: record.date('START'),
    stop: optionalDate(record, 'STOP'),
  }
}

function optionalDate(record: CsvRecord, column: string): Date | null {
  return record.optional(column) === null ? null : record.date(column)
}

function optionalNumber(record: CsvRecord, column: string): number | null {
  const text = record.optional(column)
  return text === null ? null : Number(text)
}

function optionalDecimal(record: CsvRecord, column: string): Prisma.Decimal | null {
  const text = record.optional(column)
  return text === null ? null : new Prisma.Decimal(text)
}
