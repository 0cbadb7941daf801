import { isOperationName, type OperationName } from './operations/index.ts'
import { KmsException, throttled } from './protocol/exceptions.ts'

/** What is to go wrong. At most one of `throttle`, `status5xx`, `exception`, `drop` and `hang`; `latencyMs` goes with each of them. */
export interface Fault {
  /** Only this operation; all where it is absent. */
  readonly operation?: OperationName
  /** Only calls about this key, however they name it: its id, ARN, alias or alias ARN. */
  readonly keyId?: string
  /** Milliseconds before the call is answered, dropped or left hanging. */
  readonly latencyMs?: number
  /** `ThrottlingException`, which is an HTTP 400. */
  readonly throttle?: boolean
  /** `true` or 500: `KMSInternalException`; 503: `DependencyTimeoutException`; others as a proxy answers them, in HTML. */
  readonly status5xx?: number | boolean
  /** Any other exception. `status` is 400 where it is absent. */
  readonly exception?: { readonly name: string; readonly status?: number; readonly message?: string }
  /** The connection is reset without an answer. */
  readonly drop?: boolean
  /** Never answered; the connection stays open until the client or `stop()` ends it. */
  readonly hang?: boolean
  /** Ends after as many hits; endless where it is absent. */
  readonly times?: number
  /** 0 … 1, rolled for each call; 1 where it is absent. */
  readonly probability?: number
}

export interface Faults {
  /**
   * Lets matching calls fail from now on. Of several faults that match a call, the one injected first takes it.
   *
   * @returns a function that removes the fault again
   * @throws TypeError for a fault that contradicts itself or names what is not there
   */
  inject(fault: Fault): () => void
  clear(): void
}

const EFFECTS = ['throttle', 'status5xx', 'exception', 'drop', 'hang'] as const
const KNOWN: readonly string[] = ['operation', 'keyId', 'latencyMs', 'times', 'probability', ...EFFECTS]

export class FaultQueue implements Faults {
  readonly #random: () => number
  #active: { readonly fault: Fault; left: number }[] = []

  constructor(random: () => number) {
    this.#random = random
  }

  inject(fault: Fault): () => void {
    check(fault)
    const entry = { fault, left: fault.times ?? Number.POSITIVE_INFINITY }
    this.#active.push(entry)
    return () => this.#remove(entry)
  }

  clear(): void {
    this.#active = []
  }

  /**
   * The fault that this call meets, used up by once.
   *
   * @param keys all names of the keys that the call is about
   */
  take(operation: OperationName, keys: () => ReadonlySet<string>): Fault | undefined {
    const hit = this.#active.find(
      ({ fault: { operation: only = operation, keyId, probability = 1 } }) =>
        only === operation && (keyId === undefined || keys().has(keyId)) && this.#random() < probability,
    )
    if (hit === undefined) return undefined
    hit.left -= 1
    if (hit.left <= 0) this.#remove(hit)
    return hit.fault
  }

  #remove(entry: object): void {
    this.#active = this.#active.filter((candidate) => candidate !== entry)
  }
}

/** The exception with which a fault answers, if it does. */
export function exceptionOf({ throttle, status5xx, exception }: Fault): KmsException | undefined {
  if (throttle === true) return throttled()
  if (exception !== undefined) return new KmsException(exception.name, exception.message ?? 'Injected fault.', exception.status)
  if (status5xx === undefined || status5xx === false) return undefined
  const status = status5xx === true ? 500 : status5xx
  const name = status === 500 ? 'KMSInternalException' : status === 503 ? 'DependencyTimeoutException' : 'ProxyError'
  return new KmsException(name, 'Injected fault.', status)
}

function check(fault: Fault): void {
  const unknown = Object.keys(fault).find((name) => !KNOWN.includes(name))
  if (unknown !== undefined) throw new TypeError(`a fault has no '${unknown}': use ${KNOWN.join(', ')}`)
  if (fault.operation !== undefined && !isOperationName(fault.operation)) {
    throw new TypeError(`local-kms has no operation '${String(fault.operation)}'`)
  }
  if (fault.keyId !== undefined && (typeof fault.keyId !== 'string' || fault.keyId === '')) {
    throw new TypeError('keyId of a fault must be the id, ARN or alias of a key')
  }
  if (EFFECTS.filter((effect) => fault[effect] !== undefined && fault[effect] !== false).length > 1) {
    throw new TypeError(
      `a fault has one effect: choose among ${EFFECTS.join(', ')}, and inject several faults for several effects`,
    )
  }
  within('latencyMs', fault.latencyMs, 0, 3_600_000)
  within('times', fault.times, 1, Number.MAX_SAFE_INTEGER)
  within('probability', fault.probability, 0, 1)
  if (typeof fault.status5xx === 'number') within('status5xx', fault.status5xx, 500, 599)
}

function within(name: string, value: number | undefined, min: number, max: number): void {
  if (value !== undefined && !(value >= min && value <= max)) throw new TypeError(`${name} must be from ${min} to ${max}`)
}
