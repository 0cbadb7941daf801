import { createAlias, updateAlias } from './aliases.ts'
import { decrypt, encrypt, generateDataKey, generateDataKeyWithoutPlaintext, reEncrypt } from './cryptography.ts'
import { cancelKeyDeletion, scheduleKeyDeletion } from './deletion.ts'
import { createKey, describeKey, disableKey, enableKey, listKeys } from './keys.ts'
import type { Operation } from './operation.ts'
import { replicateKey } from './replicas.ts'

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
  | 'GenerateDataKeyWithoutPlaintext'
  | 'ReEncrypt'
  | 'ScheduleKeyDeletion'
  | 'CancelKeyDeletion'
  | 'ListKeys'
  | 'ReplicateKey'

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
  GenerateDataKeyWithoutPlaintext: generateDataKeyWithoutPlaintext,
  ReEncrypt: reEncrypt,
  ScheduleKeyDeletion: scheduleKeyDeletion,
  CancelKeyDeletion: cancelKeyDeletion,
  ListKeys: listKeys,
  ReplicateKey: replicateKey,
}

export function isOperationName(name: string): name is OperationName {
  return Object.hasOwn(operations, name)
}
