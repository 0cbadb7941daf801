import { KMSClient } from '@aws-sdk/client-kms'
import { defineConfig } from '@prisma-envelope/cli'
import { awsKms } from '@prisma-envelope/kms/aws'
import { keyStore, models } from '../generated/7/envelope/index.ts'
import { halfOf, keyOfHalf } from './halves.ts'

/** What a test hands to the processes that it starts. */
const given = (name: string): string => process.env[`CLI_TEST_${name}`] ?? ''

const client = new KMSClient({
  endpoint: given('KMS_URL'),
  region: given('KMS_REGION'),
  credentials: { accessKeyId: given('KMS_ACCESS_KEY'), secretAccessKey: given('KMS_SECRET_KEY') },
  // The library retries.
  maxAttempts: 1,
})
const [current = '', ...others] = given('KEYS')
  .split(',')
  .map((pair) => pair.split('='))
  .map(([name = '', keyId = '']) => awsKms({ name, keyId, client }))
const [currentIndex = '', ...otherIndexes] = given('INDEX_KEYS').split(',')

export default defineConfig({
  models,
  ...(given('MINIMUM_KEY') !== '' && { minimumKey: given('MINIMUM_KEY') }),
  ...(given('KEY_STORE') !== '' && { keyStore }),
  ...(given('HALVES') !== '' && { context: halfOf, key: keyOfHalf }),
  keys: { current: current as ReturnType<typeof awsKms>, others },
  indexKey: { current: currentIndex, others: otherIndexes },
  database: { url: given('DATABASE_URL') },
  ...(given('BRANCH_ROWS') !== '' && { branch: { maxRows: Number(given('BRANCH_ROWS')) } }),
  deadline: Number(given('DEADLINE')) || 5000,
})
