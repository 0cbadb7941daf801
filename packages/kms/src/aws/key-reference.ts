import { EnvelopeError } from 'prisma-envelope/keys'

/** What the configuration names: one key, or an alias that may point to another key tomorrow. */
export interface KeyReference {
  /** As configured; names the key for GenerateDataKey and Encrypt. */
  readonly keyId: string
  /** The `KeyId` that names the key of this id to Decrypt, or `undefined` for a key that this reference can't mean. */
  forDecrypt(id: string): string | undefined
}

/**
 * @param keyId a key id, key ARN, alias name (`alias/app-pii`) or alias ARN
 * @throws `CONFIG` for anything else
 */
export function parseKeyReference(keyId: string): KeyReference {
  const { prefix, resource } = splitArn(keyId)
  if (resource.startsWith('alias/')) {
    // An alias names today's key. Rows wrapped under yesterday's must open too, so any key of its account and Region will do.
    return { keyId, forDecrypt: (id) => decryptName(prefix, id) }
  }
  const configured = prefix === '' ? resource : resource.slice('key/'.length)
  return { keyId, forDecrypt: (id) => (id === configured ? decryptName(prefix, id) : undefined) }
}

/** The id in the key ARN that GenerateDataKey, Encrypt and Decrypt answer, or `undefined` where it is no key ARN. */
export function idOfArn(keyArn: string | undefined): string | undefined {
  return /^arn:[\w-]+:kms:[\w-]+:\d+:key\/([\w-]{1,255})$/.exec(keyArn ?? '')?.[1]
}

/** A bare id means a key of the credentials' own account; with an ARN, the account and Region are always the configured ones. */
const decryptName = (prefix: string, id: string): string => (prefix === '' ? id : `${prefix}key/${id}`)

function splitArn(keyId: string): { prefix: string; resource: string } {
  const arn = /^(arn:[\w-]+:kms:[\w-]+:\d{12}:)((?:key|alias)\/[\w/-]+)$/.exec(keyId)
  if (arn !== null) return { prefix: arn[1] ?? '', resource: arn[2] ?? '' }
  if (/^(?:alias\/[\w/-]+|[\w-]{1,255})$/.test(keyId)) return { prefix: '', resource: keyId }
  throw new EnvelopeError(
    'CONFIG',
    'awsKms needs a keyId that is a key id, a key ARN, an alias name such as alias/app-pii, or an alias ARN',
  )
}
