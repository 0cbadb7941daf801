// A process of its own, run by tsx: reads a row, so that keys are cached, writes one, and has nothing more to do.
import { clientOfProcess } from './process-client.ts'

const { PATIENT = '' } = process.env
const { bare, prisma } = clientOfProcess()
const patient = await prisma.patient.update({ where: { email: PATIENT }, data: { notes: 'seen' } })
await prisma.patient.create({ data: { email: `${PATIENT}.copy`, fullName: patient.fullName, ward: '' } })
process.stdout.write(patient.fullName)
await bare.$disconnect()
