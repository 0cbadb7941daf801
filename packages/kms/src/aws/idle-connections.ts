import type { KMSClient } from '@aws-sdk/client-kms'

/** Whether the connection ended before there was an answer. */
export function isConnectionLoss(error: unknown): boolean {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ECONNRESET' || code === 'EPIPE'
}

/**
 * Ends the connections that the client keeps for later. After one of them turned out to be dead, the others are likely to be, and the next
 * attempt must not try them one by one.
 */
export function dropIdleConnections(client: KMSClient): void {
  const config = (client.config.requestHandler as { httpHandlerConfigs?(): unknown }).httpHandlerConfigs?.()
  if (typeof config !== 'object' || config === null) return
  for (const name of ['httpAgent', 'httpsAgent']) dropIdleSockets(Reflect.get(config, name))
}

function dropIdleSockets(agent: unknown): void {
  const idle: unknown = typeof agent === 'object' && agent !== null && 'freeSockets' in agent ? agent.freeSockets : undefined
  if (typeof idle !== 'object' || idle === null) return
  for (const sockets of Object.values(idle) as unknown[]) {
    if (!Array.isArray(sockets)) continue
    // Each leaves the list as it ends.
    for (const socket of [...sockets] as { destroy?(): void }[]) socket.destroy?.()
  }
}
