/** An answer other than 200, by AWS's exception name. */
export class KmsException extends Error {
  readonly status: number

  constructor(name: string, message: string, status = 400) {
    super(message)
    this.name = name
    this.status = status
  }
}

/**
 * KMS answers every client's mistake with HTTP 400 and tells them apart by name alone; only its own failures are 5xx
 * (AWS KMS API Reference, "Errors" of each action).
 */
export const validation = (message: string): KmsException => new KmsException('ValidationException', message)
export const serialization = (message: string): KmsException => new KmsException('SerializationException', message)
export const notFound = (message: string): KmsException => new KmsException('NotFoundException', message)
export const unsupported = (message: string): KmsException => new KmsException('UnsupportedOperationException', message)
export const throttled = (): KmsException =>
  new KmsException(
    'ThrottlingException',
    'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
  )

/** AWS's wording of a violated length or range. */
export function constraint(member: string, rule: string): KmsException {
  return validation(`1 validation error detected: Value at '${member}' failed to satisfy constraint: Member must ${rule}`)
}
