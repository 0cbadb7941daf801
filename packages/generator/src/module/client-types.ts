import type { Client } from './client.ts'
import { stringText } from './literal-text.ts'

/** Prisma's name of a model's property on the client. */
export function clientProperty(model: string): string {
  return `${model.charAt(0).toLowerCase()}${model.slice(1)}`
}

/**
 * Declarations of the payload and client types. They ask the client's own signatures, so that they need no import of Prisma's runtime, whose
 * path differs between versions.
 */
export function clientTypes(client: Client, models: readonly string[]): string {
  const generics =
    client.provider === 'prisma-client' ? 'never, typeof omit' : 'Prisma.PrismaClientOptions & { omit: typeof omit }'
  return `type HiddenClient = PrismaClient<${generics}>
declare const client: HiddenClient

/** The extended client. With further extensions, use \`typeof prisma\`. */
export type EnvelopeClient = ReturnType<typeof client.$extends<{}, {}, {}, {}, {}, {}, {}>>

/** What an interactive transaction of the extended client gives, and what takes both that and the client itself. */
export type TransactionClient<Extended = EnvelopeClient> = Omit<Extended, Exclude<keyof HiddenClient, keyof Prisma.TransactionClient>>
${models.map(payload).join('')}`
}

function payload(model: string): string {
  return `
/** \`Prisma.${model}GetPayload\` without envelopes. */
export type ${model}GetPayload<Args extends Prisma.${model}DefaultArgs = {}> = Awaited<
  ReturnType<typeof client.${clientProperty(model)}.findFirstOrThrow<Args>>
>
`
}

export function clientImport(client: Client): string {
  return `import type { Prisma, PrismaClient } from ${stringText(client.specifier)}\n`
}
