import { findKey, keyArn } from '../key-reference.ts'
import type { KmsKey } from '../key-store.ts'
import { KmsException, unsupported, validation } from '../protocol/exceptions.ts'
import { requiredText } from '../protocol/input.ts'
import { isPendingDeletion, pendingDeletion } from './deletion.ts'
import { description, metadata } from './keys.ts'
import { replicaRegions } from './multi-region.ts'
import type { Operation } from './operation.ts'

/** The replica has the id and the material of its primary: what one of them wrapped, the other unwraps. Its aliases are its own. */
export const replicateKey: Operation = async (service, input) => {
  const { store, replicas, ...location } = service
  const key = findKey(store, location, requiredText(input, 'KeyId', 2048), false)
  const region = requiredText(input, 'ReplicaRegion', 32)
  const described = description(input)
  if (!key.multiRegion || key.primaryRegion !== undefined) throw unsupported('Only multi-Region primary keys can be replicated.')
  if (isPendingDeletion(key)) throw pendingDeletion(location, key)
  if (!key.enabled) throw new KmsException('DisabledException', `${keyArn(location, key.id)} is disabled.`)
  if (region === location.region) throw validation('The replica must be in another Region than its primary.')
  const replica = replicas.get(region)
  if (replica === undefined || replica.store.closed) {
    throw validation(`No server stands for ${region}: start one with replicaOf.`)
  }
  if (replicaRegions(service, key).includes(region))
    throw new KmsException('AlreadyExistsException', `The key is in ${region} already.`)
  const copy: KmsKey = {
    id: key.id,
    material: key.material,
    enabled: true,
    multiRegion: true,
    created: new Date(replica.store.now()),
    description: described,
    primaryRegion: location.region,
  }
  await replica.store.add(copy)
  return { ReplicaKeyMetadata: metadata(replica, copy), ReplicaPolicy: '', ReplicaTags: [] }
}
