/** What the driver says where a connection is gone, or could not be had. */
const CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'CONNECTION_ENDED',
])

/** What PostgreSQL says before it closes a connection: it shuts down, crashed, starts up, or somebody ended the session. */
const SQL_STATES = new Set(['57P01', '57P02', '57P03', '25P03'])

/** Whether its connection is closed, or about to be: a trigger may raise any SQLSTATE, and leave the connection open. */
export function isConnectionClosed(error: unknown): boolean {
  const { code, severity } = error as { code?: unknown; severity?: unknown }
  return severity === 'FATAL' || severity === 'PANIC' || (typeof code === 'string' && CODES.has(code))
}

/** Whether an error means that its connection is of no more use. */
export function isConnectionLost(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && (CODES.has(code) || SQL_STATES.has(code) || code.startsWith('08'))
}
