import { EnvelopeError, type KeyProvider } from 'prisma-envelope/keys'
import { localProvider } from './local-provider.ts'

/**
 * Keys for tests. The key is printed in this package's source, so that rows written by one test run open in the next: whoever reads
 * the database can decrypt it.
 *
 * @throws `CONFIG` under `NODE_ENV=production`
 */
export function insecureTestKeys({ name = 'insecure-test' }: { readonly name?: string } = {}): KeyProvider {
  if (process.env['NODE_ENV'] === 'production') {
    throw new EnvelopeError('CONFIG', 'insecureTestKeys protects nothing and refuses to work in production; use awsKms')
  }
  return Object.freeze({ ...localProvider(name, Buffer.alloc(32, 'prisma-envelope insecure test key')), insecure: true as const })
}
