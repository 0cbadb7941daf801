import { createAlias, updateAlias } from './aliases.ts'
import { decrypt, encrypt, generateDataKey } from './cryptography.ts'
import { createKey, describeKey, disableKey, enableKey } from './keys.ts'
import type { Operation } from './operation.ts'

export type OperationName =
  | 'CreateKey'
  | 'DescribeKey'
  | 'CreateAlias'
  | 'UpdateAlias'
  | 'GenerateDataKey'
  | 'Encrypt'
  | 'Decrypt'
  | 'EnableKey'
  | 'DisableKey'

export const operations: Readonly<Record<OperationName, Operation>> = {
  CreateKey: createKey,
  DescribeKey: describeKey,
  CreateAlias: createAlias,
  UpdateAlias: updateAlias,
  GenerateDataKey: generateDataKey,
  Encrypt: encrypt,
  Decrypt: decrypt,
  EnableKey: enableKey,
  DisableKey: disableKey,
}

export function isOperationName(name: string): name is OperationName {
  return Object.hasOwn(operations, name)
}
