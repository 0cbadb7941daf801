import { findKey, keyArn, type Location } from '../key-reference.ts'
import type { KmsKey } from '../key-store.ts'
import { KmsException } from '../protocol/exceptions.ts'
import { optionalInteger, requiredText } from '../protocol/input.ts'
import type { Operation } from './operation.ts'

/** Days, of the AWS KMS API Reference, ScheduleKeyDeletion. */
const WINDOW = { least: 7, most: 30, usual: 30 }
const DAY_MS = 86_400_000

export const scheduleKeyDeletion: Operation = async ({ store, ...location }, input) => {
  const days = optionalInteger(input, 'PendingWindowInDays', WINDOW.least, WINDOW.most) ?? WINDOW.usual
  const key = findKey(store, location, requiredText(input, 'KeyId', 2048), false)
  if (key.deletion !== undefined) throw pendingDeletion(location, key)
  const date = new Date(Date.now() + days * DAY_MS)
  await store.scheduleDeletion(key.id, date)
  return {
    KeyId: keyArn(location, key.id),
    DeletionDate: date.getTime() / 1000,
    KeyState: 'PendingDeletion',
    PendingWindowInDays: days,
  }
}

export const cancelKeyDeletion: Operation = async ({ store, ...location }, input) => {
  const key = findKey(store, location, requiredText(input, 'KeyId', 2048), false)
  if (key.deletion === undefined)
    throw new KmsException('KMSInvalidStateException', `${keyArn(location, key.id)} is not pending deletion.`)
  await store.cancelDeletion(key.id)
  return { KeyId: keyArn(location, key.id) }
}

/** What every use of such a key answers. */
export function pendingDeletion(location: Location, key: KmsKey): KmsException {
  return new KmsException('KMSInvalidStateException', `${keyArn(location, key.id)} is pending deletion.`)
}
