export { generate, type Options } from './generate.ts'
export { LOCK_NAME, type Lock, type LockedField, type LockedModel, type LockedSearch } from './lock/lock.ts'
export { type Problem, SchemaError } from './problems.ts'
