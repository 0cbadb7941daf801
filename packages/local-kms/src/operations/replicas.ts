import { findKey } from '../key-reference.ts'
import { KmsException, unsupported, validation } from '../protocol/exceptions.ts'
import { optionalText, requiredText } from '../protocol/input.ts'
import { metadata } from './keys.ts'
import type { Operation } from './operation.ts'

/** The replica has the id and the material of its primary: what one of them wrapped, the other unwraps. */
export const replicateKey: Operation = async ({ store, replicas, ...location }, input) => {
  const key = findKey(store, location, requiredText(input, 'KeyId', 2048), false)
  const region = requiredText(input, 'ReplicaRegion', 32)
  if (!key.multiRegion) throw unsupported('Only multi-Region keys can be replicated.')
  if (!key.enabled || key.deletion !== undefined) throw new KmsException('KMSInvalidStateException', 'The key is not enabled.')
  if (region === location.region) throw validation('The replica must be in another Region than its primary.')
  const replica = replicas.get(region)
  if (replica === undefined) throw validation(`No server stands for ${region}: start one with replicaOf.`)
  if (replica.store.key(key.id) !== undefined)
    throw new KmsException('AlreadyExistsException', `The key is in ${region} already.`)
  const copy = { ...key, created: new Date(), description: optionalText(input, 'Description') ?? '' }
  await replica.store.add(copy)
  return { ReplicaKeyMetadata: metadata(replica.service, copy), ReplicaPolicy: '', ReplicaTags: [] }
}
