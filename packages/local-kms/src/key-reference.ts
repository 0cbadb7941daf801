import type { KeyStore, KmsKey } from './key-store.ts'
import { KmsException, notFound } from './protocol/exceptions.ts'

/** Where this server pretends to be. */
export interface Location {
  readonly region: string
  readonly accountId: string
}

const KEY_ID = /^(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|mrk-[0-9a-f]{32})$/

export function arn({ region, accountId }: Location, resource: string): string {
  return `arn:aws:kms:${region}:${accountId}:${resource}`
}

export const isKeyId = (id: string): boolean => KEY_ID.test(id)

export const keyArn = (location: Location, id: string): string => arn(location, `key/${id}`)

/**
 * The key that a request names by id, key ARN, alias name or alias ARN.
 *
 * @param reference what the request gave as `KeyId`
 * @param aliases whether the operation accepts aliases
 * @throws KmsException `NotFoundException`, or `AccessDeniedException` for another account: this one grants nobody anything,
 *   so AWS would not tell whether the key exists.
 */
export function findKey(store: KeyStore, location: Location, reference: string, aliases: boolean): KmsKey {
  const resource = reference.startsWith('arn:') ? localResource(location, reference) : resourceOf(reference)
  const id = resource.startsWith('key/') ? resource.slice('key/'.length) : aliases ? aliasTarget(store, location, resource) : ''
  if (!isKeyId(id)) throw notFound(`Invalid keyId '${reference}'`)
  const key = store.key(id)
  if (key === undefined) throw notFound(`Key '${keyArn(location, id)}' does not exist`)
  return key
}

const resourceOf = (reference: string): string => (reference.startsWith('alias/') ? reference : `key/${reference}`)

function localResource(location: Location, reference: string): string {
  const [, partition, service, region, accountId, resource = '', ...rest] = reference.split(':')
  const wellFormed = partition === 'aws' && service === 'kms' && rest.length === 0 && /^(?:key|alias)\/./.test(resource)
  if (!wellFormed) throw notFound(`Invalid arn ${reference}`)
  if (region !== location.region) throw notFound(`Invalid arn ${region}`)
  if (accountId !== location.accountId) {
    throw new KmsException(
      'AccessDeniedException',
      `User: arn:aws:iam::${location.accountId}:root is not authorized to perform this operation on resource: ${reference} because ` +
        'the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access',
    )
  }
  return resource
}

function aliasTarget(store: KeyStore, location: Location, alias: string): string {
  const id = store.aliasTarget(alias)
  if (id === undefined) throw notFound(`Alias ${arn(location, alias)} is not found.`)
  return id
}
