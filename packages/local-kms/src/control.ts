import type { CallLog } from './call-log.ts'
import type { Fault, FaultQueue } from './faults.ts'
import { KmsException } from './protocol/exceptions.ts'
import { parseInput } from './protocol/input.ts'

/** Everything under this path is for whoever runs the server in another process; AWS has nothing like it. */
export const CONTROL_PATH = '/_local/'

/**
 * `GET /_local/calls`, `GET /_local/contexts`, `DELETE /_local/calls` (both logs), `POST /_local/faults` (a `Fault` in JSON),
 * `DELETE /_local/faults`.
 *
 * @throws KmsException with status 404 for anything else, 400 for a fault that is none
 */
export function control(method: string, path: string, body: Uint8Array, log: CallLog, faults: FaultQueue): object {
  switch (`${method} ${path.slice(CONTROL_PATH.length)}`) {
    case 'GET calls':
      return log.calls
    case 'GET contexts':
      return log.contexts
    case 'DELETE calls':
      log.reset()
      return {}
    case 'POST faults':
      injectChecked(faults, parseInput(body))
      return {}
    case 'DELETE faults':
      faults.clear()
      return {}
    default:
      throw new KmsException('NotFound', `local-kms has no ${method} ${path}`, 404)
  }
}

function injectChecked(faults: FaultQueue, fault: Fault): void {
  try {
    faults.inject(fault)
  } catch (error) {
    throw new KmsException('InvalidFault', error instanceof Error ? error.message : 'not a fault')
  }
}
