import { describe, expect, it } from 'vitest'
import { Ledger } from './ledger.ts'
import { person } from './people.ts'

const [ada, bob, cem] = [person(1), person(2), person(3)]

function ledgerOf(...found: readonly ReturnType<typeof person>[]): Ledger {
  const ledger = new Ledger()
  for (const patient of found) ledger.found(patient)
  return ledger
}

describe('a ledger', () => {
  it('expects what was there, was inserted and was changed, and nothing else', () => {
    const ledger = ledgerOf(ada, bob)
    ledger.created(cem)
    ledger.changed(ada.id, { notes: 'seen' })
    ledger.deleted(bob.id)
    expect(ledger.differences([cem, { ...ada, notes: 'seen' }])).toEqual([])
    expect(ledger.writes).toBe(3)
  })

  it.each([
    ['a write that was lost', [ada, bob], [`Patient.phone (${ada.id})`]],
    ['a row that is missing', [bob], [`Patient (${ada.id}) is missing`]],
    [
      'a row that came back',
      [{ ...ada, phone: '1' }, bob, cem],
      [`Patient (${cem.id}) came twice, was deleted, or nobody wrote it`],
    ],
    [
      'a row that came twice',
      [{ ...ada, phone: '1' }, bob, bob],
      [`Patient (${bob.id}) came twice, was deleted, or nobody wrote it`],
    ],
  ])('notices %s', (_what, actual, differences) => {
    const ledger = ledgerOf(ada, bob, cem)
    ledger.changed(ada.id, { phone: '1' })
    ledger.deleted(cem.id)
    expect(ledger.differences(actual)).toEqual(differences)
  })

  it('remembers values that were overwritten or deleted: they must not be found either', () => {
    const ledger = ledgerOf(ada)
    ledger.changed(ada.id, { email: 'Moved@Example.org' })
    ledger.deleted(ada.id)
    expect([...ledger.secrets]).toEqual(expect.arrayContaining([ada.email, 'Moved@Example.org', ada.birthDate]))
  })
})

describe('people', () => {
  it('are the same at every run, and nobody else', () => {
    const people = Array.from({ length: 2000 }, (_, n) => person(n))
    expect(person(7)).toEqual(people[7])
    expect(new Set(people.map(({ id }) => id)).size).toBe(2000)
    expect(new Set(people.map(({ email }) => email.toLowerCase())).size).toBe(2000)
  })

  it('have no value that could stand in Base64, or that is a placeholder', () => {
    const people = Array.from({ length: 2000 }, (_, n) => person(n))
    const values = people.flatMap(({ email, fullName, phone, birthDate, notes }) => [email, fullName, phone, birthDate, notes])
    expect(values.filter((value) => value !== null && /^[A-Za-z0-9+/=]*$/.test(value))).toEqual([])
    expect(people.filter(({ birthDate }) => birthDate >= '1970-01-01')).toEqual([])
  })
})
