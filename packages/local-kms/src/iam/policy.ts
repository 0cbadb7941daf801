import { isRecord } from '../protocol/input.ts'
import { type Condition, type ConditionFacts, parseCondition, texts } from './condition.ts'
import { arnPattern, wildcards } from './wildcards.ts'

/** One permission that a call needs; some calls need several. */
export interface ActionRequest extends ConditionFacts {
  /** Such as `kms:Decrypt`. */
  readonly action: string
  /** ARN of a key or alias, or `*` for actions that are about none. */
  readonly resource: string
}

export type Decision = 'allowed' | 'denied explicitly' | 'not allowed'

export interface Policy {
  decide(request: ActionRequest): Decision
}

interface Statement {
  readonly effect: 'Allow' | 'Deny'
  matches(request: ActionRequest): boolean
}

const ELEMENTS: readonly string[] = ['Sid', 'Effect', 'Action', 'Resource', 'Condition']

/**
 * An identity-based IAM policy, as far as the rules of KMS need: statements with Effect, Action, Resource and Condition. An explicit
 * Deny wins; what nothing allows is not allowed.
 *
 * @throws TypeError for a document that is malformed, or that says what this evaluator does not know
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function parsePolicy(document: unknown): Policy {
  if (!isRecord(document)) throw new TypeError('a policy must be an object')
  refuseUnknown(document, ['Version', 'Id', 'Statement'], 'a policy')
  if (document['Version'] !== '2012-10-17') throw new TypeError('Version of a policy must be "2012-10-17"')
  const written: readonly unknown[] = [document['Statement'] ?? []].flat()
  if (written.length === 0) throw new TypeError('a policy must have a Statement')
  const statements = written.map(parseStatement)
  return {
    decide(request) {
      const effects = statements.filter((statement) => statement.matches(request)).map(({ effect }) => effect)
      if (effects.includes('Deny')) return 'denied explicitly'
      return effects.length > 0 ? 'allowed' : 'not allowed'
    },
  }
}

function parseStatement(statement: unknown): Statement {
  if (!isRecord(statement)) throw new TypeError('a Statement must be an object')
  refuseUnknown(statement, ELEMENTS, 'a Statement')
  const { Effect: effect } = statement
  if (effect !== 'Allow' && effect !== 'Deny') throw new TypeError('Effect must be "Allow" or "Deny"')
  const actions = texts(statement['Action'], 'Action').map(actionPattern)
  const resources = texts(statement['Resource'], 'Resource').map(resourcePattern)
  const condition: Condition = statement['Condition'] === undefined ? () => true : parseCondition(statement['Condition'])
  return {
    effect,
    matches: (request) =>
      actions.some((matches) => matches(request.action)) &&
      resources.some((matches) => matches(request.resource)) &&
      condition(request),
  }
}

function actionPattern(action: string): (text: string) => boolean {
  if (action !== '*' && !/^[a-zA-Z0-9-]+:[a-zA-Z*?]+$/.test(action)) {
    throw new TypeError(`Action ${action} must be "*" or begin with a service, such as kms:Decrypt`)
  }
  return wildcards(action, 'i')
}

function resourcePattern(resource: string): (arn: string) => boolean {
  const matches = arnPattern(resource)
  if (matches === undefined) throw new TypeError(`Resource ${resource} must be "*" or an ARN of six parts`)
  return matches
}

function refuseUnknown(object: object, known: readonly string[], what: string): void {
  const unknown = Object.keys(object).find((name) => !known.includes(name))
  if (unknown !== undefined) throw new TypeError(`local-kms does not know ${unknown} in ${what}: it has ${known.join(', ')}`)
}
