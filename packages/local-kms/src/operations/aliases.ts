import { arn, findKey, type Location } from '../key-reference.ts'
import type { KeyStore, KmsKey } from '../key-store.ts'
import { KmsException, notFound, validation } from '../protocol/exceptions.ts'
import { type Input, requiredText } from '../protocol/input.ts'
import { isPendingDeletion, pendingDeletion } from './deletion.ts'
import type { Operation } from './operation.ts'

export const createAlias: Operation = async ({ store, ...location }, input) => {
  const alias = checkedAliasName(requiredText(input, 'AliasName', 256))
  const target = targetKey(store, location, input)
  await store.setAlias(alias, target.id, (present) => {
    if (present !== undefined) {
      throw new KmsException('AlreadyExistsException', `An alias with the name ${arn(location, alias)} already exists`)
    }
  })
  return undefined
}

export const updateAlias: Operation = async ({ store, ...location }, input) => {
  const alias = checkedAliasName(requiredText(input, 'AliasName', 256))
  const target = targetKey(store, location, input)
  await store.setAlias(alias, target.id, (present) => {
    if (present === undefined) throw notFound(`Alias ${arn(location, alias)} is not found.`)
  })
  return undefined
}

/**
 * Rules of `AliasName` in the AWS KMS API Reference, CreateAlias.
 *
 * @throws KmsException `ValidationException`, `InvalidAliasNameException` or `NotAuthorizedException`
 */
export function checkedAliasName(alias: string): string {
  if (!alias.startsWith('alias/') || alias === 'alias/')
    throw validation('Alias must start with the prefix "alias/" and have a name.')
  if (!/^[a-zA-Z0-9/_-]+$/.test(alias)) {
    throw new KmsException('InvalidAliasNameException', `${alias} contains invalid characters for an alias`)
  }
  if (alias.startsWith('alias/aws/'))
    throw new KmsException('NotAuthorizedException', 'The prefix alias/aws/ is reserved for AWS.')
  return alias
}

function targetKey(store: KeyStore, location: Location, input: Input): KmsKey {
  const reference = requiredText(input, 'TargetKeyId', 2048)
  if (reference.includes('alias/')) throw validation('Aliases must refer to keys. Not aliases')
  const key = findKey(store, location, reference, false)
  if (isPendingDeletion(key)) throw pendingDeletion(location, key)
  return key
}
