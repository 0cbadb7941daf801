// A process of its own, run with tsx, that uses keys and lets them expire when it is told to, so that its memory can be searched. Its clock stands
// still until then; the timers that sweep keys out are real.
import { setTimeout as after } from 'node:timers/promises'
import { writeHeapSnapshot } from 'node:v8'
import { clientOfProcess } from './process-client.ts'

const MAX_AGE = 600
let clock = 1000
performance.now = () => clock

const { READ = '', WRITTEN = '', WRAP = '' } = process.env
const { bare, prisma } = clientOfProcess({
  wrap: WRAP === 'direct' ? 'direct' : 'branch',
  cache: { maxAge: MAX_AGE },
  branch: { maxAge: MAX_AGE },
})

const steps: Record<string, () => Promise<unknown>> = {
  async use() {
    // The second read finds the row's DEK in the cache.
    for (let reads = 0; reads < 2; reads++) await prisma.doctor.findUniqueOrThrow({ where: { id: READ } })
    await prisma.doctor.create({ data: { id: WRITTEN, name: 'Written here' } })
    return (await prisma.doctor.findUniqueOrThrow({ where: { id: WRITTEN } })).name
  },
  async expire() {
    clock += 10 * MAX_AGE
    // A sweep is due after at most half of the age: a timer set now for later fires after it.
    await after(MAX_AGE)
    // What OpenSSL and the KMS client have made of a key goes with the objects that hold it.
    for (let rounds = 0; rounds < 3; rounds++) {
      globalThis.gc?.()
      await after(1)
    }
  },
  snapshot: async () => writeHeapSnapshot(process.env['SNAPSHOT']),
  end: async () => {
    await bare.$disconnect()
    process.disconnect()
  },
}

process.on('message', (step: string) => {
  void steps[step]?.().then((result) => process.connected && process.send?.({ step, result }))
})
process.send?.({ step: 'ready' })
