export { insecureTestKeys } from './local/insecure-test-keys.ts'
export { type LocalKeysOptions, localKeys } from './local/local-keys.ts'
