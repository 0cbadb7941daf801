// One instance of the application: patients over HTTP. Its version is given by the environment.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { createClient, VERSIONS } from './client.ts'
import { type Patient, type PatientChange, shown, stored } from './patient.ts'

const version = VERSIONS.find((known) => known === process.env['VERSION'])
if (version === undefined) throw new Error(`VERSION must be one of ${VERSIONS.join(', ')}`)
const prisma = createClient(version)

const PAGE = 1000

const server = createServer((request, response) => {
  handle(request).then(
    ([status, body]) => answer(response, status, body),
    (error: Error) => answer(response, 500, { error: `${(error as { code?: string }).code ?? error.name}: ${error.message}` }),
  )
})
// Idle connections are closed by those who opened them: else a request could meet one that is just being closed.
server.keepAliveTimeout = 0
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
process.once('SIGTERM', stop)
// Nobody is left to ask anything.
process.once('disconnect', () => process.exit(0))

async function handle(request: IncomingMessage): Promise<readonly [status: number, body?: unknown]> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
  const email = searchParams.get('email')
  const after = searchParams.get('after')
  if (after !== null) return [200, await pageAfter(after)]
  const where = email === null ? { id: pathname.slice('/patients/'.length) } : { email }
  switch (request.method) {
    case 'POST':
      return [201, shown(await prisma.patient.create({ data: stored((await json(request)) as Patient) as never }))]
    case 'PATCH':
      return [200, shown(await prisma.patient.update({ where, data: stored((await json(request)) as PatientChange) }))]
    case 'DELETE':
      await prisma.patient.delete({ where })
      return [204]
    default: {
      const patient = await prisma.patient.findUnique({ where })
      return patient === null ? [404] : [200, shown(patient)]
    }
  }
}

/** The patients whose ids come next. */
async function pageAfter(id: string): Promise<Patient[]> {
  return (await prisma.patient.findMany({ where: { id: { gt: id } }, orderBy: { id: 'asc' }, take: PAGE })).map(shown)
}

function answer(response: ServerResponse, status: number, body?: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(body === undefined ? undefined : JSON.stringify(body))
}

function stop(): void {
  server.close(() => void prisma.$disconnect().finally(() => process.exit(0)))
}
