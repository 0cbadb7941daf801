import { keyArn } from '../key-reference.ts'
import type { KmsKey } from '../key-store.ts'
import type { Service } from './operation.ts'

/** Regions that hold a replica of a primary key. */
export function replicaRegions({ replicas }: Service, { id }: KmsKey): readonly string[] {
  return [...replicas].flatMap(([region, { store }]) => (store.key(id) === undefined ? [] : [region]))
}

/** `MultiRegionConfiguration` of the AWS KMS API Reference, KeyMetadata. */
export function multiRegionConfiguration(service: Service, key: KmsKey): object {
  const { accountId, region, primary } = service
  const named = (at: string): object => ({ Arn: keyArn({ accountId, region: at }, key.id), Region: at })
  const isReplica = key.primaryRegion !== undefined
  const related = isReplica && primary !== undefined ? replicaRegions(primary, key) : isReplica ? [region] : undefined
  return {
    MultiRegionKeyType: isReplica ? 'REPLICA' : 'PRIMARY',
    PrimaryKey: named(key.primaryRegion ?? region),
    ReplicaKeys: (related ?? replicaRegions(service, key)).map(named),
  }
}
