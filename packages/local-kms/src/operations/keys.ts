import { findKey, keyArn, type Location } from '../key-reference.ts'
import type { KmsKey } from '../key-store.ts'
import { unsupported } from '../protocol/exceptions.ts'
import { flag, type Input, optionalInteger, optionalText, requiredText } from '../protocol/input.ts'
import { pendingDeletion } from './deletion.ts'
import type { Operation, Service } from './operation.ts'

const ONLY: Readonly<Record<string, string>> = {
  KeySpec: 'SYMMETRIC_DEFAULT',
  CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
  KeyUsage: 'ENCRYPT_DECRYPT',
  Origin: 'AWS_KMS',
}

/** Symmetric keys only. `Policy` and `Tags` are accepted and ignored: whoever has the credentials may do everything. */
export const createKey: Operation = async ({ store, ...location }, input) => {
  for (const [name, value] of Object.entries(ONLY)) {
    if ((optionalText(input, name) ?? value) !== value) throw unsupported(`local-kms makes keys of ${name} ${value} only.`)
  }
  const key = await store.createKey({
    description: optionalText(input, 'Description') ?? '',
    multiRegion: flag(input, 'MultiRegion'),
  })
  return { KeyMetadata: metadata(location, key) }
}

export const describeKey: Operation = async ({ store, ...location }, input) => ({
  KeyMetadata: metadata(location, findKey(store, location, keyId(input), true)),
})

export const enableKey: Operation = (service, input) => setEnabled(service, input, true)

export const disableKey: Operation = (service, input) => setEnabled(service, input, false)

async function setEnabled({ store, ...location }: Service, input: Input, enabled: boolean): Promise<undefined> {
  const key = findKey(store, location, keyId(input), false)
  if (key.deletion !== undefined) throw pendingDeletion(location, key)
  await store.setEnabled(key.id, enabled)
}

/** `NextMarker` is the id of the last key of a page. */
export const listKeys: Operation = async ({ store, ...location }, input) => {
  const limit = optionalInteger(input, 'Limit', 1, 1000) ?? 100
  const after = optionalText(input, 'Marker') ?? ''
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

export function metadata(location: Location, key: KmsKey): object {
  return {
    AWSAccountId: location.accountId,
    Arn: keyArn(location, key.id),
    CreationDate: key.created.getTime() / 1000,
    CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
    Description: key.description,
    Enabled: key.enabled && key.deletion === undefined,
    EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
    KeyId: key.id,
    KeyManager: 'CUSTOMER',
    KeySpec: 'SYMMETRIC_DEFAULT',
    KeyState: key.deletion !== undefined ? 'PendingDeletion' : key.enabled ? 'Enabled' : 'Disabled',
    ...(key.deletion !== undefined && { DeletionDate: key.deletion.getTime() / 1000 }),
    KeyUsage: 'ENCRYPT_DECRYPT',
    MultiRegion: key.multiRegion,
    Origin: 'AWS_KMS',
  }
}
