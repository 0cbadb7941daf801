import { randomUUID } from 'node:crypto'
import cuid1 from '@bugsnag/cuid'
import { createId, init } from '@paralleldrive/cuid2'
import { nanoid } from 'nanoid'
import { ulid } from 'ulid'
import { v7 as uuid7 } from 'uuid'
import type { DefaultPlan } from '../plan.ts'

type ClientDefault = Extract<DefaultPlan, { kind: 'client' }>

/**
 * A value of one of Prisma's own client-side generators. A row bound to its primary key needs the key before the insert, so the extension draws
 * it in Prisma's stead, from the libraries that Prisma uses.
 */
export function generateValue({ generator, length }: ClientDefault): string | Date {
  switch (generator) {
    case 'uuid4':
      return randomUUID()
    case 'uuid7':
      return uuid7()
    case 'cuid1':
      return cuid1()
    case 'cuid2':
      return length === undefined ? createId() : init({ length })()
    case 'ulid':
      return ulid()
    case 'nanoid':
      return length === undefined ? nanoid() : nanoid(length)
    case 'now':
      return new Date()
  }
}
