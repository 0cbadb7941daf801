import { describe, expect, test } from 'vitest'
import { EnvelopeError } from './errors.ts'
import { type ModeOption, resolveModes } from './modes.ts'
import type { ModelsPlan } from './plan.ts'

const column = { column: 'c', type: 'String' } as const
const encrypted = { ...column, encrypted: { identity: 'c', placeholder: '*' } }
const common = { relations: {}, primaryKey: ['id'], uniques: [] }
const models: ModelsPlan = {
  Patient: {
    ...common,
    table: { name: 'Patient', identity: 'Patient' },
    columns: { id: column, email: encrypted, notes: encrypted },
    envelope: { field: 'envelope', column: 'envelope', bind: [] },
  },
  Doctor: {
    ...common,
    table: { name: 'Doctor', identity: 'Doctor' },
    columns: { id: column, name: encrypted },
    envelope: { field: 'envelope', column: 'envelope', bind: [] },
  },
  Tag: { ...common, table: { name: 'Tag', identity: 'Tag' }, columns: { id: column } },
}

test.each(['plain', 'dual', 'strict'] as const)('one mode is that of all fields: %s', (mode) => {
  const modeOf = resolveModes(mode, models)
  expect([modeOf('Patient', 'email'), modeOf('Doctor', 'name')]).toEqual([mode, mode])
})

test.each<[string, ModeOption, readonly string[]]>([
  ['what is not named is strict', {}, ['strict', 'strict', 'strict']],
  ['a model names all its fields', { Patient: 'dual' }, ['dual', 'dual', 'strict']],
  ["a field goes before its model's mode", { 'Patient.notes': 'plain', Patient: 'dual' }, ['dual', 'plain', 'strict']],
  ['a field may be named alone', { 'Doctor.name': 'dual' }, ['strict', 'strict', 'dual']],
])('%s', (_, option, expected) => {
  const modeOf = resolveModes(option, models)
  expect([modeOf('Patient', 'email'), modeOf('Patient', 'notes'), modeOf('Doctor', 'name')]).toEqual(expected)
})

describe('refused as CONFIG:', () => {
  test.each<[string, unknown, object]>([
    ['an unknown mode', 'mixed', {}],
    ['an unknown mode of a model', { Patient: 'mixed' }, {}],
    ['null', null, {}],
    ['a list', ['dual'], {}],
    ['an unknown model', { Nurse: 'dual' }, {}],
    ['what every object has', { constructor: 'dual' }, {}],
    ['a model without encrypted fields', { Tag: 'dual' }, { model: 'Tag' }],
    ['an unknown field', { 'Patient.toString': 'dual' }, { model: 'Patient', field: 'toString' }],
    ['a field that is not encrypted', { 'Patient.id': 'dual' }, { model: 'Patient', field: 'id' }],
    ['a path', { 'Patient.email.length': 'dual' }, {}],
  ])('%s', (_, option, place) => {
    const resolve = () => resolveModes(option as ModeOption, models)
    expect(resolve).toThrow(EnvelopeError)
    expect(resolve).toThrow(expect.objectContaining({ code: 'CONFIG', ...place }))
  })
})
