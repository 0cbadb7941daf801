import { keyIdOf } from '../ciphertext-blob.ts'
import { arn, findKey, keyArn } from '../key-reference.ts'
import type { KmsKey } from '../key-store.ts'
import { KmsException } from '../protocol/exceptions.ts'
import { bytes, type EncryptionContext, encryptionContext, type Input, optionalText, requiredText } from '../protocol/input.ts'
import { MAX_CIPHERTEXT } from './cryptography.ts'
import type { OperationName } from './index.ts'
import type { Service } from './operation.ts'

/** A key that a call is about, and what IAM calls that use of it. */
export interface KeyUse {
  /** Such as `kms:Decrypt`. */
  readonly action: string
  readonly key: KmsKey
  /** As the request names it; undefined where only the ciphertext does. */
  readonly reference: string | undefined
  readonly context?: EncryptionContext
}

/** A permission on something else than a key. */
export interface OtherUse {
  readonly action: string
  /** ARN of an alias, or `*`. */
  readonly resource: string
}

/**
 * All that a call uses.
 *
 * @throws KmsException where a key is missing or misnamed, as the operation itself does
 */
export function usesOf(service: Service, operation: OperationName, input: Input): readonly (KeyUse | OtherUse)[] {
  const key = (aliases: boolean): KeyUse => named(service, `kms:${operation}`, requiredText(input, 'KeyId', 2048), aliases)
  switch (operation) {
    case 'CreateKey':
      return ['CreateKey', ...((input['Tags'] ?? undefined) === undefined ? [] : ['TagResource'])].map(anywhere)
    case 'ListKeys':
      return [anywhere(operation)]
    case 'CreateAlias':
    case 'UpdateAlias':
      return aliasUses(service, operation, input)
    case 'ReplicateKey':
      return [key(false), anywhere('CreateKey')]
    case 'EnableKey':
    case 'DisableKey':
    case 'ScheduleKeyDeletion':
    case 'CancelKeyDeletion':
      return [key(false)]
    case 'DescribeKey':
      return [key(true)]
    case 'GenerateDataKey':
    case 'GenerateDataKeyWithoutPlaintext':
    case 'Encrypt':
      return [{ ...key(true), context: encryptionContext(input) }]
    case 'Decrypt':
      return opened(service, 'kms:Decrypt', input, 'KeyId', 'EncryptionContext')
    case 'ReEncrypt':
      return [
        ...opened(service, 'kms:ReEncryptFrom', input, 'SourceKeyId', 'SourceEncryptionContext'),
        {
          ...named(service, 'kms:ReEncryptTo', requiredText(input, 'DestinationKeyId', 2048), true),
          context: encryptionContext(input, 'DestinationEncryptionContext'),
        },
      ]
  }
}

/** All names of the keys that a call is about: id, ARN and aliases; nothing where it names none that is here. */
export function namesOfKeys(service: Service, operation: OperationName, input: Input): ReadonlySet<string> {
  const names = new Set<string>()
  for (const use of usesOrNone(service, operation, input)) {
    if ('resource' in use) continue
    const aliases = service.store.aliasesOf(use.key.id)
    for (const name of [use.key.id, keyArn(service, use.key.id), ...aliases, ...aliases.map((alias) => arn(service, alias))]) {
      names.add(name)
    }
  }
  return names
}

function usesOrNone(service: Service, operation: OperationName, input: Input): readonly (KeyUse | OtherUse)[] {
  try {
    return usesOf(service, operation, input)
  } catch (error) {
    if (error instanceof KmsException) return []
    throw error
  }
}

const anywhere = (operation: string): OtherUse => ({ action: `kms:${operation}`, resource: '*' })

function named({ store, ...location }: Service, action: string, reference: string, aliases: boolean): KeyUse {
  return { action, key: findKey(store, location, reference, aliases), reference }
}

/** Without a name the ciphertext tells its key; of one that is no ciphertext of a key here, the operation itself will say so. */
function opened(service: Service, action: string, input: Input, keyName: string, contextName: string): readonly KeyUse[] {
  const context = encryptionContext(input, contextName)
  const blob = bytes(input, 'CiphertextBlob', MAX_CIPHERTEXT)
  const reference = optionalText(input, keyName)
  if (reference !== undefined) return [{ ...named(service, action, reference, true), context }]
  const key = service.store.key(keyIdOf(blob) ?? '')
  return key === undefined ? [] : [{ action, key, reference, context }]
}

/** As AWS documents it: on the alias, on the key that it is to name, and on the one that it names. */
function aliasUses(service: Service, operation: OperationName, input: Input): readonly (KeyUse | OtherUse)[] {
  const action = `kms:${operation}`
  const alias = requiredText(input, 'AliasName', 256)
  const present = service.store.key(service.store.aliasTarget(alias) ?? '')
  return [
    { action, resource: arn(service, alias) },
    named(service, action, requiredText(input, 'TargetKeyId', 2048), false),
    ...(operation === 'UpdateAlias' && present !== undefined ? [{ action, key: present, reference: undefined }] : []),
  ]
}
