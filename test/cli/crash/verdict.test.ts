import { describe, expect, test } from 'vitest'
import { Ledger, type Log, merged } from './ledger.ts'
import { type Contents, problemsOf } from './verdict.ts'

const patient = (values: Readonly<Record<string, unknown>>) => ({ id: 'a', fullName: 'first', notes: null, ...values })
const holding = (...Patient: Contents['Patient']): Contents => ({ Patient, Condition: [], Member: [] })
const created = { kind: 'created', model: 'Patient', key: 'a', values: { fullName: 'first', notes: null } } as const
const set = (values: Readonly<Record<string, unknown>>) => ({ kind: 'set', model: 'Patient', key: 'a', values }) as const
const deleted = { kind: 'deleted', model: 'Patient', key: 'a' } as const

function logOf(...writes: readonly Parameters<Ledger['write']>[]): Log {
  const ledger = new Ledger()
  for (const write of writes) ledger.write(...write)
  return ledger.log()
}

const made: Parameters<Ledger['write']> = ['w1.1', [created], true]

describe('nothing is wrong, where', () => {
  const cases: readonly [string, Log, Contents][] = [
    ['a row is as it was made', logOf(made), holding(patient({}))],
    ['a field is as it was written last', logOf(made, ['w1.2', [set({ notes: 'x' })], true]), holding(patient({ notes: 'x' }))],
    ['a row was deleted', logOf(made, ['w1.2', [deleted], true]), holding()],
    [
      'an update may have been done, and was',
      logOf(made, ['w1.2', [set({ notes: 'x' })], false]),
      holding(patient({ notes: 'x' })),
    ],
    ['an update may have been done, and was not', logOf(made, ['w1.2', [set({ notes: 'x' })], false]), holding(patient({}))],
    ['a deletion may have been done, and was', logOf(made, ['w1.2', [deleted], false]), holding()],
    ['a row may have been made, and was', logOf(['w1.1', [{ ...created, key: undefined }], false]), holding(patient({}))],
    ['a row may have been made, and was not', logOf(['w1.1', [{ ...created, key: undefined }], false]), holding()],
    [
      'two writers wrote a field each',
      merged([logOf(made), logOf(['w1.2', [set({ fullName: 'y' })], true]), logOf(['w2.1', [set({ notes: 'x' })], true])]),
      holding(patient({ fullName: 'y', notes: 'x' })),
    ],
  ]
  test.each(cases)('%s', (_, log, contents) => {
    expect(problemsOf(log, contents)).toEqual([])
  })
})

describe('a deviation is told by its place and its operations, where', () => {
  const updated = logOf(made, ['w1.2', [set({ notes: 'secret' })], true], ['w1.3', [set({ notes: 'secret too' })], true])
  const cases: readonly [string, Log, Contents, string][] = [
    [
      'an acknowledged update was lost',
      updated,
      holding(patient({ notes: 'secret' })),
      'Patient a, notes: holds what w1.2 wrote, though w1.3 came last',
    ],
    [
      'a value is from nowhere',
      updated,
      holding(patient({ notes: 'secret?' })),
      'Patient a, notes: holds a string that no operation wrote, though w1.3 came last',
    ],
    [
      'null is from nowhere',
      logOf(made),
      holding(patient({ fullName: null })),
      'Patient a, fullName: holds null that no operation wrote, though w1.1 came last',
    ],
    [
      'neither of two possible values is there',
      logOf(made, ['w1.2', [set({ notes: 'secret' })], false]),
      holding(patient({ notes: 'other' })),
      'Patient a, notes: holds a string that no operation wrote, though w1.1 or w1.2, perhaps, came last',
    ],
    ['a row is lost', logOf(made), holding(), 'Patient a is not there, though w1.1 said otherwise'],
    [
      'a deleted row came back',
      logOf(made, ['w1.2', [deleted], true]),
      holding(patient({})),
      'Patient a is there, though w1.2 said otherwise',
    ],
    ['a row is from nowhere', logOf(), holding(patient({})), 'Patient a is there, though nobody created it'],
    [
      'a row is from nowhere, though another one may have been made',
      logOf(['w1.1', [{ ...created, key: undefined }], false]),
      holding(patient({ fullName: 'secret' })),
      'Patient a is there, though nobody created it',
    ],
  ]
  test.each(cases)('%s', (_, log, contents, problem) => {
    expect(problemsOf(log, contents)).toEqual([problem])
  })
})
