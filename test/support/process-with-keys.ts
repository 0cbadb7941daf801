// A process of its own, run by tsx: reads a row, so that keys are cached, writes one, and has nothing more to do.
import { KMSClient } from '@aws-sdk/client-kms'
import { awsKms } from '@prisma-envelope/kms/aws'
import { envelopeEncryption } from 'prisma-envelope'
import { adapterOf, models, omit, Prisma, PrismaClient } from './client.ts'

const { DATABASE = '', KEY = '', INDEX_KEY = '', PATIENT = '' } = process.env
const bare = new PrismaClient({ adapter: adapterOf(DATABASE), omit })
const keys = { current: awsKms({ name: 'pii', keyId: KEY, client: new KMSClient() }) }
const prisma = bare.$extends(envelopeEncryption({ Prisma, models, keys, indexKey: { current: INDEX_KEY } }))
const patient = await prisma.patient.update({ where: { email: PATIENT }, data: { notes: 'seen' } })
await prisma.patient.create({ data: { email: `${PATIENT}.copy`, fullName: patient.fullName, ward: '' } })
process.stdout.write(patient.fullName)
await bare.$disconnect()
