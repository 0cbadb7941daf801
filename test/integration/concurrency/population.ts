import type { EncryptedClient } from '../../support/encrypted-client.ts'
import { type Mark, markOf } from './marks.ts'
import type { Row } from './rows.ts'

/** Either client, in or out of a transaction. */
export type Db = Pick<EncryptedClient, 'person' | 'locker' | 'badge' | 'letter' | 'membership' | 'club' | '$queryRawUnsafe'>

/** Few, so that writers meet. */
export const PEOPLE = 4
export const CLUB = { region: 'north', number: 1 }
export const COUNTER = 'counter'

export const personOf = (i: number): string => `p${i}`
export const lockerOf = (i: number): string => `l${i}`
/** Comes and goes with its person. */
export const homeLetterOf = (i: number): number => 10 + i
/** Moves from person to person. */
export const roamingLetterOf = (i: number): number => 20 + i
/** People whose keys are encrypted, and who come and go. */
export const sharedEmailOf = (i: number): string => `shared${i}@example.org`
export const newcomerOf = (i: number): string => `x${i}`

export const newPerson = (id: string, email: string, name: string): Row => ({
  id,
  email,
  name,
  age: null,
  rank: 0,
  bossId: null,
})
export const newLocker = (i: number, code: string): Row => ({
  id: lockerOf(i),
  code,
  place: 'hall',
  ownerId: personOf(i),
})
export const newBadge = (i: number, motto: string): Row => ({ ownerId: personOf(i), motto, colour: 'red' })
export const newLetter = (id: number, { text, json }: Mark, i: number): Row => ({
  id,
  title: text,
  body: json,
  pages: 1,
  authorId: personOf(i),
})
export const newMembership = (i: number, role: string): Row => ({ personId: personOf(i), ...CLUB, role, paid: 0 })

/** What `create` of a person takes who has all that the operations are about. */
export function householdOf(i: number, { text, email, json }: Mark) {
  return {
    id: personOf(i),
    email,
    name: text,
    locker: { connectOrCreate: { where: { id: lockerOf(i) }, create: { id: lockerOf(i), code: text } } },
    badge: { create: { motto: text } },
    letters: { create: { id: homeLetterOf(i), title: text, body: json } },
  }
}

export async function populate(db: Db): Promise<void> {
  await db.club.create({ data: { ...CLUB, title: 'Chess' } })
  for (let i = 0; i < PEOPLE; i += 1) {
    const mark = markOf(0, i)
    await db.person.create({ data: householdOf(i, mark) })
    const letter = { id: roamingLetterOf(i), title: mark.text, body: mark.json, authorId: personOf(i) }
    await db.letter.create({ data: letter })
  }
  const { text, email } = markOf(0, PEOPLE)
  await db.person.create({ data: { id: COUNTER, email, name: text, age: 0 } })
}
