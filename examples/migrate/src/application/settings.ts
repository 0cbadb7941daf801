import { awsKms } from '@prisma-envelope/kms/aws'

// The application and the command line have one keyring: both read it here.
const { DATABASE_URL = '', INDEX_KEY = '' } = process.env

export const databaseUrl: string = DATABASE_URL
export const keys = { current: awsKms({ name: 'pii', keyId: 'alias/app-pii' }) }
export const indexKey = { current: INDEX_KEY }
