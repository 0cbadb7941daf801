import { findKey, keyArn, type Location } from '../key-reference.ts'
import type { KmsKey } from '../key-store.ts'
import { KmsException } from '../protocol/exceptions.ts'
import { optionalInteger, requiredText } from '../protocol/input.ts'
import { replicaRegions } from './multi-region.ts'
import type { Operation, Service } from './operation.ts'

/** Days, of the AWS KMS API Reference, ScheduleKeyDeletion. */
const WINDOW = { least: 7, most: 30, usual: 30 }
const DAY_MS = 86_400_000

/** A primary key outlives its replicas: its days begin when the last of them is gone. */
export const scheduleKeyDeletion: Operation = async (service, input) => {
  const { store, ...location } = service
  const days = optionalInteger(input, 'PendingWindowInDays', WINDOW.least, WINDOW.most) ?? WINDOW.usual
  const key = findKey(store, location, requiredText(input, 'KeyId', 2048), false)
  if (isPendingDeletion(key)) throw pendingDeletion(location, key)
  const answer = { KeyId: keyArn(location, key.id), PendingWindowInDays: days }
  if (key.primaryRegion === undefined && replicaRegions(service, key).length > 0) {
    await store.awaitReplicas(key.id, days)
    return { ...answer, KeyState: 'PendingReplicaDeletion' }
  }
  const date = new Date(store.now() + days * DAY_MS)
  await store.scheduleDeletion(key.id, date)
  return { ...answer, DeletionDate: date.getTime() / 1000, KeyState: 'PendingDeletion' }
}

export const cancelKeyDeletion: Operation = async ({ store, ...location }, input) => {
  const key = findKey(store, location, requiredText(input, 'KeyId', 2048), false)
  if (!isPendingDeletion(key))
    throw new KmsException('KMSInvalidStateException', `${keyArn(location, key.id)} is not pending deletion.`)
  await store.cancelDeletion(key.id)
  return { KeyId: keyArn(location, key.id) }
}

/** Begins the days of primary keys whose replicas are gone, as seen by whoever looks next. */
export async function beginDueDeletions(service: Service): Promise<void> {
  const { store } = service
  for (const key of store.keys) {
    const days = key.deletionAfterReplicas
    if (days === undefined || replicaRegions(service, key).length > 0) continue
    await store.scheduleDeletion(key.id, new Date(store.now() + days * DAY_MS))
  }
}

export function isPendingDeletion({ deletion, deletionAfterReplicas }: KmsKey): boolean {
  return deletion !== undefined || deletionAfterReplicas !== undefined
}

/** What every use of such a key answers. */
export function pendingDeletion(location: Location, key: KmsKey): KmsException {
  return new KmsException('KMSInvalidStateException', `${keyArn(location, key.id)} is pending deletion.`)
}
