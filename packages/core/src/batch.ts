import { isInTransaction, type ParentClient, type PrismaTransaction } from './prisma-internals.ts'
import { needsSteps } from './rewrite/needs-steps.ts'

/** A call of Prisma Client that has not run yet. */
interface Pending extends Promise<unknown> {
  requestTransaction(transaction: PrismaTransaction): Promise<unknown>
}

interface TransactionClient {
  _createPrismaPromise(callback: (transaction: PrismaTransaction) => Promise<PrismaTransaction>): Promise<PrismaTransaction>
}

type Transact = (work: unknown, options?: unknown) => Promise<unknown>

/**
 * `$transaction` of an array, too, for operations that take several queries. Prisma sends an array's queries together, so that each operation can have
 * but one. Where that is not enough nothing was sent yet, and the operations run one after the other in an interactive transaction.
 *
 * @param client on which the extension was applied; its own `$transaction` may be another extension's.
 * @param prepare what is better done before a transaction of the caller's begins
 */
export function transactionOf(
  client: ParentClient,
  prepare: () => Promise<void> | undefined,
): (this: unknown, work: unknown, options?: unknown) => Promise<unknown> {
  const transact = Reflect.get(client, '$transaction') as Transact
  return async function $transaction(this: unknown, work, options) {
    if (!isInTransaction(this)) await prepare()
    // Inside a transaction, Prisma would run an array beside it.
    if (!Array.isArray(work) || !isInTransaction(this)) {
      try {
        return await transact.call(this, work, options)
      } catch (error) {
        if (!Array.isArray(work) || !needsSteps(error)) throw error
      }
    }
    return transact.call(this, (transaction: TransactionClient) => oneByOne(work as readonly Pending[], transaction), options)
  }
}

async function oneByOne(operations: readonly Pending[], client: TransactionClient): Promise<readonly unknown[]> {
  const transaction = await client._createPrismaPromise((own) => Promise.resolve(own))
  const results: unknown[] = []
  for (const operation of operations) results.push(await operation.requestTransaction(transaction))
  return results
}
