import { KMSClient } from '@aws-sdk/client-kms'
import { defineConfig } from '@prisma-envelope/cli'
import { awsKms } from '@prisma-envelope/kms/aws'
import { models } from './generated/envelope/index.ts'

/** What the benchmark hands to the processes that it starts; the address of the KMS is in the AWS SDK's own variables. */
const { BENCH_DATABASE_URL = '', BENCH_KEYS = '', BENCH_INDEX_KEY = '', BENCH_BRANCH_ROWS = '' } = process.env

const client = new KMSClient({ maxAttempts: 1 })
const [current, ...others] = BENCH_KEYS.split(',')
  .map((pair) => pair.split('='))
  .map(([name = '', keyId = '']) => awsKms({ name, keyId, client }))
if (current === undefined) throw new Error('BENCH_KEYS is missing')

export default defineConfig({
  models,
  keys: { current, others },
  indexKey: { current: BENCH_INDEX_KEY },
  database: { url: BENCH_DATABASE_URL },
  branch: { maxRows: Number(BENCH_BRANCH_ROWS) },
})
