import { findKey, isKeyId, keyArn } from '../key-reference.ts'
import type { KmsKey } from '../key-store.ts'
import { constraint, KmsException, unsupported } from '../protocol/exceptions.ts'
import { flag, type Input, optionalInteger, optionalText, requiredText } from '../protocol/input.ts'
import { isPendingDeletion, pendingDeletion } from './deletion.ts'
import { multiRegionConfiguration } from './multi-region.ts'
import type { Operation, Service } from './operation.ts'

const ONLY: Readonly<Record<string, string>> = {
  KeySpec: 'SYMMETRIC_DEFAULT',
  CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
  KeyUsage: 'ENCRYPT_DECRYPT',
  Origin: 'AWS_KMS',
}

/** Symmetric keys only. `Policy` and `Tags` are accepted and ignored: who may do what is said where the server is started. */
export const createKey: Operation = async (service, input) => {
  for (const [name, value] of Object.entries(ONLY)) {
    if ((optionalText(input, name) ?? value) !== value) throw unsupported(`local-kms makes keys of ${name} ${value} only.`)
  }
  const key = await service.store.createKey({ description: description(input), multiRegion: flag(input, 'MultiRegion') })
  return { KeyMetadata: metadata(service, key) }
}

export const describeKey: Operation = async (service, input) => ({
  KeyMetadata: metadata(service, findKey(service.store, service, keyId(input), true)),
})

export const enableKey: Operation = (service, input) => setEnabled(service, input, true)

export const disableKey: Operation = (service, input) => setEnabled(service, input, false)

async function setEnabled({ store, ...location }: Service, input: Input, enabled: boolean): Promise<undefined> {
  const key = findKey(store, location, keyId(input), false)
  if (isPendingDeletion(key)) throw pendingDeletion(location, key)
  await store.setEnabled(key.id, enabled)
}

/** `NextMarker` is the id of the last key of a page. */
export const listKeys: Operation = async ({ store, ...location }, input) => {
  const limit = optionalInteger(input, 'Limit', 1, 1000) ?? 100
  const after = optionalText(input, 'Marker') ?? ''
  if (after !== '' && !isKeyId(after)) throw new KmsException('InvalidMarkerException', `Could not deserialize marker '${after}'`)
  const keys = store.keys.filter(({ id }) => id > after)
  const page = keys.slice(0, limit)
  const truncated = keys.length > page.length
  return {
    Keys: page.map(({ id }) => ({ KeyArn: keyArn(location, id), KeyId: id })),
    Truncated: truncated,
    ...(truncated && { NextMarker: page.at(-1)?.id }),
  }
}

const keyId = (input: Input): string => requiredText(input, 'KeyId', 2048)

/** @throws KmsException `ValidationException` above the 8,192 characters of the AWS KMS API Reference. */
export function description(input: Input): string {
  const text = optionalText(input, 'Description') ?? ''
  if (text.length > 8192) throw constraint('description', 'have length less than or equal to 8192')
  return text
}

export function metadata(service: Service, key: KmsKey): object {
  return {
    AWSAccountId: service.accountId,
    Arn: keyArn(service, key.id),
    CreationDate: key.created.getTime() / 1000,
    CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
    Description: key.description,
    Enabled: key.enabled && !isPendingDeletion(key),
    EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
    KeyId: key.id,
    KeyManager: 'CUSTOMER',
    KeySpec: 'SYMMETRIC_DEFAULT',
    KeyState: keyState(key),
    ...(key.deletion !== undefined && { DeletionDate: key.deletion.getTime() / 1000 }),
    ...(key.deletionAfterReplicas !== undefined && { PendingDeletionWindowInDays: key.deletionAfterReplicas }),
    KeyUsage: 'ENCRYPT_DECRYPT',
    MultiRegion: key.multiRegion,
    ...(key.multiRegion && { MultiRegionConfiguration: multiRegionConfiguration(service, key) }),
    Origin: 'AWS_KMS',
  }
}

function keyState({ enabled, deletion, deletionAfterReplicas }: KmsKey): string {
  if (deletion !== undefined) return 'PendingDeletion'
  if (deletionAfterReplicas !== undefined) return 'PendingReplicaDeletion'
  return enabled ? 'Enabled' : 'Disabled'
}
