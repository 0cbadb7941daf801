import { keyArn } from '../key-reference.ts'
import type { OperationName } from '../operations/index.ts'
import { usesOf } from '../operations/key-uses.ts'
import type { Service } from '../operations/operation.ts'
import { KmsException } from '../protocol/exceptions.ts'
import type { Input } from '../protocol/input.ts'
import type { Credentials } from '../protocol/sigv4.ts'
import { type ActionRequest, type Decision, type Policy, parsePolicy } from './policy.ts'

/** Somebody who may do what a policy allows, and nothing else. */
export interface Principal extends Credentials {
  /** An identity-based IAM policy document. */
  readonly policy: object
}

export interface Principals {
  readonly credentials: readonly Credentials[]
  /** @throws TypeError for a policy that can't be evaluated, or an access key id that somebody has */
  admit(principal: Principal): void
  /**
   * Returns where the caller may do this; whoever has no policy may do everything.
   *
   * @throws KmsException `AccessDeniedException`; what the operation itself throws for keys that are not there
   */
  authorize(caller: Credentials, service: Service, operation: OperationName, input: Input): void
}

/** @param owners may do everything, as the root user of an account whose key policies leave the rest to IAM. */
export function createPrincipals(owners: readonly Credentials[]): Principals {
  const credentials = [...owners]
  const policies = new Map<string, Policy>()
  return {
    credentials,
    admit(principal) {
      const { accessKeyId, policy } = principal
      if (credentials.some((known) => known.accessKeyId === accessKeyId)) {
        throw new TypeError(`${accessKeyId} may call already: each principal needs an access key id of its own`)
      }
      policies.set(accessKeyId, policyOf(accessKeyId, policy))
      credentials.push(principal)
    },
    authorize({ accessKeyId }, service, operation, input) {
      const policy = policies.get(accessKeyId)
      if (policy === undefined) return
      for (const request of requestsOf(service, operation, input)) {
        const decision = hasAmbiguousContext(request) ? 'not allowed' : policy.decide(request)
        if (decision !== 'allowed') throw denied(service, accessKeyId, request, decision)
      }
    },
  }
}

function policyOf(accessKeyId: string, document: object): Policy {
  try {
    return parsePolicy(document)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new TypeError(`the policy of ${accessKeyId} can't be evaluated: ${error.message}`, { cause: error })
  }
}

function requestsOf(service: Service, operation: OperationName, input: Input): readonly ActionRequest[] {
  return usesOf(service, operation, input).map((use) => {
    if ('resource' in use) return { ...use, resourceAliases: [] }
    const { action, key, reference, context } = use
    const alias = /(?:^|:)(alias\/.+)$/.exec(reference ?? '')?.[1]
    return {
      action,
      resource: keyArn(service, key.id),
      resourceAliases: service.store.aliasesOf(key.id),
      ...(context !== undefined && { encryptionContext: context }),
      ...(alias !== undefined && { requestAlias: alias }),
    }
  })
}

/** Names of condition keys know no case: of `tenant` and `Tenant` side by side, a condition could not say which it means. */
function hasAmbiguousContext({ encryptionContext = {} }: ActionRequest): boolean {
  const names = Object.keys(encryptionContext)
  return new Set(names.map((name) => name.toLowerCase())).size < names.length
}

/** AWS's wording: IAM User Guide, "Troubleshoot access denied error messages". */
function denied(
  { accountId }: Service,
  accessKeyId: string,
  { action, resource }: ActionRequest,
  decision: Decision,
): KmsException {
  const reason =
    decision === 'denied explicitly'
      ? 'with an explicit deny in an identity-based policy'
      : `because no identity-based policy allows the ${action} action`
  return new KmsException(
    'AccessDeniedException',
    `User: arn:aws:iam::${accountId}:user/${accessKeyId} is not authorized to perform: ${action} on resource: ${resource} ${reason}`,
  )
}
