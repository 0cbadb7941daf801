import { findKey, keyArn, type Location } from '../key-reference.ts'
import type { KmsKey } from '../key-store.ts'
import { unsupported } from '../protocol/exceptions.ts'
import { flag, type Input, optionalText, requiredText } from '../protocol/input.ts'
import type { Operation } from './operation.ts'

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

export const enableKey: Operation = async ({ store, ...location }, input) => {
  await store.setEnabled(findKey(store, location, keyId(input), false).id, true)
  return undefined
}

export const disableKey: Operation = async ({ store, ...location }, input) => {
  await store.setEnabled(findKey(store, location, keyId(input), false).id, false)
  return undefined
}

const keyId = (input: Input): string => requiredText(input, 'KeyId', 2048)

function metadata(location: Location, key: KmsKey): object {
  return {
    AWSAccountId: location.accountId,
    Arn: keyArn(location, key.id),
    CreationDate: key.created.getTime() / 1000,
    CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
    Description: key.description,
    Enabled: key.enabled,
    EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
    KeyId: key.id,
    KeyManager: 'CUSTOMER',
    KeySpec: 'SYMMETRIC_DEFAULT',
    KeyState: key.enabled ? 'Enabled' : 'Disabled',
    KeyUsage: 'ENCRYPT_DECRYPT',
    MultiRegion: key.multiRegion,
    Origin: 'AWS_KMS',
  }
}
