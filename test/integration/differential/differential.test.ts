import { test } from 'vitest'
import { compareWithPlain, patience, runs, seed } from './compare.ts'

test(`does what plain Prisma does, in ${runs} histories from seed ${seed}`, { timeout: patience }, () =>
  compareWithPlain({ clients: ['strict'], starter: 'strict', hides: true, forms: false }),
)
