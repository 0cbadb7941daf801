import { randomBytes } from 'node:crypto'
import { keyIdOf, openBlob, sealBlob } from '../ciphertext-blob.ts'
import { findKey, keyArn, type Location } from '../key-reference.ts'
import type { KeyStore, KmsKey } from '../key-store.ts'
import { KmsException, unsupported, validation } from '../protocol/exceptions.ts'
import { bytes, encryptionContext, flag, type Input, optionalInteger, optionalText, requiredText } from '../protocol/input.ts'
import { isPendingDeletion, pendingDeletion } from './deletion.ts'
import type { Operation } from './operation.ts'

/** Limits of the AWS KMS API Reference, Encrypt and Decrypt. */
const MAX_PLAINTEXT = 4096
export const MAX_CIPHERTEXT = 6144
const ALGORITHM = 'SYMMETRIC_DEFAULT'

export const generateDataKey: Operation = async ({ store, ...location }, input) => {
  const context = encryptionContext(input)
  const length = dataKeyLength(input)
  refuseUnsupported(input)
  const key = usable(location, findKey(store, location, requiredText(input, 'KeyId', 2048), true))
  refuseDryRun(input)
  const plaintext = randomBytes(length)
  return {
    CiphertextBlob: sealBlob(key.id, key.material, plaintext, context).toString('base64'),
    KeyId: keyArn(location, key.id),
    Plaintext: plaintext.toString('base64'),
  }
}

export const generateDataKeyWithoutPlaintext: Operation = async (service, input) => {
  const { CiphertextBlob, KeyId } = (await generateDataKey(service, input)) as Record<string, string>
  return { CiphertextBlob, KeyId }
}

export const encrypt: Operation = async ({ store, ...location }, input) => {
  const context = encryptionContext(input)
  const plaintext = bytes(input, 'Plaintext', MAX_PLAINTEXT)
  refuseUnsupported(input)
  const key = usable(location, findKey(store, location, requiredText(input, 'KeyId', 2048), true))
  refuseDryRun(input)
  return {
    CiphertextBlob: sealBlob(key.id, key.material, plaintext, context).toString('base64'),
    EncryptionAlgorithm: ALGORITHM,
    KeyId: keyArn(location, key.id),
  }
}

export const decrypt: Operation = async ({ store, ...location }, input) => {
  const context = encryptionContext(input)
  const blob = bytes(input, 'CiphertextBlob', MAX_CIPHERTEXT)
  refuseUnsupported(input)
  const key = usable(location, decryptionKey(store, location, blob, optionalText(input, 'KeyId')))
  const plaintext = openBlob(key.material, blob, context)
  if (plaintext === undefined) throw invalidCiphertext()
  refuseDryRun(input)
  return { EncryptionAlgorithm: ALGORITHM, KeyId: keyArn(location, key.id), Plaintext: plaintext.toString('base64') }
}

/** `SourceKeyId` may be left out, as `KeyId` of Decrypt may. */
export const reEncrypt: Operation = async ({ store, ...location }, input) => {
  const sourceContext = encryptionContext(input, 'SourceEncryptionContext')
  const context = encryptionContext(input, 'DestinationEncryptionContext')
  const blob = bytes(input, 'CiphertextBlob', MAX_CIPHERTEXT)
  refuseAlgorithm(input, 'SourceEncryptionAlgorithm')
  refuseAlgorithm(input, 'DestinationEncryptionAlgorithm')
  const source = usable(location, decryptionKey(store, location, blob, optionalText(input, 'SourceKeyId')))
  const key = usable(location, findKey(store, location, requiredText(input, 'DestinationKeyId', 2048), true))
  const plaintext = openBlob(source.material, blob, sourceContext)
  if (plaintext === undefined) throw invalidCiphertext()
  refuseDryRun(input)
  const sealed = sealBlob(key.id, key.material, plaintext, context)
  plaintext.fill(0)
  return {
    CiphertextBlob: sealed.toString('base64'),
    SourceKeyId: keyArn(location, source.id),
    KeyId: keyArn(location, key.id),
    SourceEncryptionAlgorithm: ALGORITHM,
    DestinationEncryptionAlgorithm: ALGORITHM,
  }
}

/** Without `KeyId` the blob itself names its key; with one, both must name the same. */
function decryptionKey(store: KeyStore, location: Location, blob: Buffer, reference: string | undefined): KmsKey {
  const named = reference === undefined ? undefined : findKey(store, location, reference, true)
  const maker = keyIdOf(blob)
  if (maker === undefined) throw invalidCiphertext()
  const key = store.key(maker)
  if (key === undefined) {
    if (named !== undefined) throw invalidCiphertext()
    throw new KmsException(
      'AccessDeniedException',
      'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.',
    )
  }
  if (named !== undefined && named.id !== key.id) {
    throw new KmsException(
      'IncorrectKeyException',
      'The key ID in the request does not identify a CMK that can perform this operation.',
    )
  }
  return key
}

function usable(location: Location, key: KmsKey): KmsKey {
  if (isPendingDeletion(key)) throw pendingDeletion(location, key)
  if (!key.enabled) throw new KmsException('DisabledException', `${keyArn(location, key.id)} is disabled.`)
  return key
}

function dataKeyLength(input: Input): number {
  const spec = optionalText(input, 'KeySpec')
  const length = optionalInteger(input, 'NumberOfBytes', 1, 1024)
  if ((spec === undefined) === (length === undefined)) throw validation('Please specify either number of bytes or key spec.')
  if (length !== undefined) return length
  if (spec === 'AES_256') return 32
  if (spec === 'AES_128') return 16
  throw validation("Value at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [AES_256, AES_128]")
}

/** What would change the meaning of an answer is refused, not ignored. */
function refuseUnsupported(input: Input): void {
  if ((input['Recipient'] ?? undefined) !== undefined)
    throw unsupported('local-kms does not attest enclaves: leave out Recipient.')
  refuseAlgorithm(input, 'EncryptionAlgorithm')
}

function refuseAlgorithm(input: Input, name: string): void {
  if ((optionalText(input, name) ?? ALGORITHM) !== ALGORITHM) {
    throw new KmsException('InvalidKeyUsageException', `Keys of local-kms know ${ALGORITHM} only.`)
  }
}

function refuseDryRun(input: Input): void {
  if (flag(input, 'DryRun')) {
    throw new KmsException('DryRunOperationException', 'The request would have succeeded, but the DryRun option is set.', 412)
  }
}

const invalidCiphertext = (): KmsException => new KmsException('InvalidCiphertextException', 'The ciphertext is invalid.')
