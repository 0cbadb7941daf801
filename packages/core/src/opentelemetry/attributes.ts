import type { Attributes } from '@opentelemetry/api'
import type { BreakerEvent, KmsCallEvent } from '../keys/key-events.ts'
import type { AccessEvent } from '../rewrite/access.ts'

/** What OpenTelemetry calls `error.type` is this library's error code. */
const ERROR_TYPE = 'error.type'

export function attributesOfCall({ keyName, member, operation, code }: KmsCallEvent): Attributes {
  return {
    'prisma_envelope.key.name': keyName,
    'prisma_envelope.key.member': member,
    'prisma_envelope.kms.operation': operation,
    ...(code !== undefined && { [ERROR_TYPE]: code }),
  }
}

/** Neither the row's key nor its context: metrics are kept for each combination of attributes. */
export function attributesOfAccess({ model, operation, keyName, cache, attempt, code }: AccessEvent): Attributes {
  return {
    'prisma_envelope.model': model,
    'prisma_envelope.operation': operation,
    ...(keyName !== undefined && { 'prisma_envelope.key.name': keyName }),
    ...(cache !== undefined && { 'prisma_envelope.cache': cache }),
    ...(attempt !== undefined && { 'prisma_envelope.attempt': attempt }),
    ...(code !== undefined && { [ERROR_TYPE]: code }),
  }
}

export function attributesOfBreaker({ keyName, member }: Pick<BreakerEvent, 'keyName' | 'member'>): Attributes {
  return { 'prisma_envelope.key.name': keyName, 'prisma_envelope.key.member': member }
}
