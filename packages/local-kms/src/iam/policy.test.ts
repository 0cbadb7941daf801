import { describe, expect, it } from 'vitest'
import { type ActionRequest, parsePolicy } from './policy.ts'

const KEY = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'
const request: ActionRequest = { action: 'kms:Decrypt', resource: KEY, resourceAliases: [] }

const allow = (more: object = {}): object => ({ Effect: 'Allow', Action: 'kms:Decrypt', Resource: KEY, ...more })
const policy = (...statements: object[]): object => ({ Version: '2012-10-17', Statement: statements })
const decide = (document: object, asked: Partial<ActionRequest> = {}): string =>
  parsePolicy(document).decide({ ...request, ...asked })
const decideOn = (Condition: object, asked: Partial<ActionRequest>): boolean =>
  decide(policy(allow({ Condition })), asked) === 'allowed'

describe('a policy', () => {
  it('allows what a statement allows, and nothing else', () => {
    expect(decide(policy(allow()))).toBe('allowed')
    expect(decide(policy(allow()), { action: 'kms:Encrypt' })).toBe('not allowed')
    expect(decide(policy(allow()), { resource: KEY.replace('1234abcd', '00000000') })).toBe('not allowed')
    expect(decide({ Version: '2012-10-17', Statement: allow() })).toBe('allowed')
  })

  it('denies what one statement denies, whatever others allow and in whatever order', () => {
    const deny = { ...allow({ Action: '*', Resource: '*' }), Effect: 'Deny' }
    expect(decide(policy(allow(), deny))).toBe('denied explicitly')
    expect(decide(policy(deny, allow()))).toBe('denied explicitly')
    expect(decide(policy(deny))).toBe('denied explicitly')
  })

  it.each([
    ['kms:Decrypt', true],
    ['KMS:decrypt', true],
    ['kms:De*', true],
    ['kms:*', true],
    ['*', true],
    ['kms:Decryp?', true],
    ['kms:Decrypt?', false],
    ['kms:ReEncrypt*', false],
    ['s3:*', false],
  ])('compares actions without case, with wildcards: %s', (Action, allowed) => {
    expect(decide(policy(allow({ Action }))) === 'allowed').toBe(allowed)
    expect(decide(policy(allow({ Action: ['s3:GetObject', Action] }))) === 'allowed').toBe(allowed)
  })

  it.each([
    ['*', true],
    ['arn:aws:kms:*:*:key/*', true],
    ['arn:aws:kms:eu-*-1:111122223333:*', true],
    ['arn:aws:kms:eu-central-1:111122223333:key/1234abcd-*', true],
    ['arn:aws:kms:eu-central-1:111122223333:key/????abcd-*', true],
    ['arn:aws:kms:eu-central-1:111122223333:KEY/*', false],
    ['arn:aws:kms:*:999999999999:key/*', false],
    // A wildcard stays within its part of the ARN, as long as it is not the last one.
    ['arn:aws:kms:*:key/*:x', false],
    ['arn:aws:kms:eu-central-1:111122223333:alias/*', false],
    ['arn:aws:kms:eu.central-1:111122223333:key/*', false],
  ])('compares resources with wildcards: %s', (Resource, allowed) => {
    expect(decide(policy(allow({ Resource }))) === 'allowed').toBe(allowed)
  })
})

describe('a condition', () => {
  const tenant = 'kms:EncryptionContext:tenant'
  const keys = 'kms:EncryptionContextKeys'
  const north = { encryptionContext: { tenant: 'north', table: 'Patient' } }

  it.each<[object, Partial<ActionRequest>, boolean]>([
    [{ StringEquals: { [tenant]: 'north' } }, north, true],
    [{ StringEquals: { [tenant]: ['south', 'north'] } }, north, true],
    [{ StringEquals: { [tenant]: 'North' } }, north, false],
    [{ StringEquals: { [tenant]: 'nor*' } }, north, false],
    [{ StringLike: { [tenant]: 'nor*' } }, north, true],
    [{ StringLike: { [tenant]: 'n?rth' } }, north, true],
    [{ StringLike: { [tenant]: '*' } }, {}, false],
    [{ StringEquals: { [tenant]: 'north' } }, {}, false],
    [{ StringEquals: { [tenant]: 'north' } }, { encryptionContext: {} }, false],
    [{ StringEquals: { 'KMS:encryptioncontext:TENANT': 'north' } }, north, true],
    [{ StringEquals: { [tenant]: 'north', 'kms:EncryptionContext:table': 'Doctor' } }, north, false],
    [{ StringEquals: { [tenant]: 'north' }, StringLike: { 'kms:EncryptionContext:table': 'Doc*' } }, north, false],
    [{ StringNotEquals: { [tenant]: ['south', 'east'] } }, north, true],
    [{ StringNotEquals: { [tenant]: ['south', 'north'] } }, north, false],
    [{ StringNotEquals: { [tenant]: 'north' } }, {}, true],
    [{ StringNotLike: { [tenant]: 'n*' } }, north, false],
    [{ Null: { [tenant]: 'false' } }, north, true],
    [{ Null: { [tenant]: true } }, north, false],
    [{ Null: { [tenant]: 'true' } }, {}, true],
    [{ Null: { [keys]: 'true' } }, { encryptionContext: {} }, true],
    [{ 'ForAllValues:StringEquals': { [keys]: ['tenant', 'table', 'more'] } }, north, true],
    [{ 'ForAllValues:StringEquals': { [keys]: ['tenant'] } }, north, false],
    [{ 'ForAllValues:StringEquals': { [keys]: ['Tenant', 'Table'] } }, north, false],
    [{ 'ForAllValues:StringEquals': { [keys]: ['tenant'] } }, {}, true],
    [{ 'ForAnyValue:StringEquals': { [keys]: ['tenant'] } }, north, true],
    [{ 'ForAnyValue:StringEquals': { [keys]: ['tenant'] } }, {}, false],
    [{ 'ForAnyValue:StringNotEquals': { [keys]: ['tenant'] } }, north, true],
    [{ 'ForAllValues:StringNotLike': { [keys]: ['ten*'] } }, north, false],
    [{ StringEquals: { 'kms:RequestAlias': 'alias/app' } }, { requestAlias: 'alias/app' }, true],
    [{ StringEquals: { 'kms:RequestAlias': 'alias/app' } }, {}, false],
    [{ 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': 'alias/b' } }, { resourceAliases: ['alias/a', 'alias/b'] }, true],
    [{ 'ForAllValues:StringEquals': { 'kms:ResourceAliases': 'alias/b' } }, { resourceAliases: ['alias/a', 'alias/b'] }, false],
    [{ 'ForAnyValue:StringLike': { 'kms:ResourceAliases': 'alias/*' } }, {}, false],
  ])('%j of %j is %s', (condition, asked, met) => {
    expect(decideOn(condition, asked)).toBe(met)
  })
})

it.each<[string, unknown]>([
  ['no object', 'allow'],
  ['another version', { Version: '2008-10-17', Statement: allow() }],
  ['no version', { Statement: allow() }],
  ['no statement', { Version: '2012-10-17' }],
  ['no statements', policy()],
  ['an unknown element', { ...policy(allow()), Statements: [] }],
  ['a misspelt element', policy(allow({ Conditions: {} }))],
  ['a principal', policy(allow({ Principal: '*' }))],
  ['NotAction', policy({ Effect: 'Allow', NotAction: 'kms:Decrypt', Resource: '*' })],
  ['NotResource', policy({ Effect: 'Allow', Action: 'kms:*', NotResource: KEY })],
  ['no effect', policy({ Action: 'kms:*', Resource: '*' })],
  ['another effect', policy(allow({ Effect: 'allow' }))],
  ['no action', policy({ Effect: 'Allow', Resource: '*' })],
  ['an empty list of actions', policy(allow({ Action: [] }))],
  ['an action without a service', policy(allow({ Action: 'Decrypt' }))],
  ['no resource', policy({ Effect: 'Allow', Action: 'kms:*' })],
  ['a resource that is no ARN', policy(allow({ Resource: '1234abcd-12ab-34cd-56ef-1234567890ab' }))],
  ['a short ARN', policy(allow({ Resource: 'arn:aws:kms:*' }))],
  ['a variable', policy(allow({ Resource: 'arn:aws:kms:*:*:key/${aws:username}' }))],
  ['a condition that is no object', policy(allow({ Condition: true }))],
  ['an unknown operator', policy(allow({ Condition: { StringEqualsIfExists: { 'kms:RequestAlias': 'alias/a' } } }))],
  ['an operator of another type', policy(allow({ Condition: { Bool: { 'kms:RequestAlias': 'true' } } }))],
  ['an unknown quantifier', policy(allow({ Condition: { 'ForSome:StringEquals': { 'kms:RequestAlias': 'alias/a' } } }))],
  ['an unknown key', policy(allow({ Condition: { StringEquals: { 'kms:CallerAccount': '1' } } }))],
  ['a key of another service', policy(allow({ Condition: { StringEquals: { 'aws:SourceVpc': 'vpc' } } }))],
  ['no name of a context entry', policy(allow({ Condition: { StringEquals: { 'kms:EncryptionContext:': '1' } } }))],
  ['several values without a quantifier', policy(allow({ Condition: { StringEquals: { 'kms:ResourceAliases': 'alias/a' } } }))],
  ['no values', policy(allow({ Condition: { StringEquals: { 'kms:RequestAlias': [] } } }))],
  ['a number', policy(allow({ Condition: { StringEquals: { 'kms:EncryptionContext:tenant': 42 } } }))],
  ['a variable in a condition', policy(allow({ Condition: { StringEquals: { 'kms:RequestAlias': '${aws:x}' } } }))],
  ['Null of a text', policy(allow({ Condition: { Null: { 'kms:RequestAlias': 'maybe' } } }))],
  ['an operator without keys', policy(allow({ Condition: { StringEquals: 'north' } }))],
])('refuses %s', (_, document) => {
  expect(() => parsePolicy(document)).toThrow(TypeError)
})
