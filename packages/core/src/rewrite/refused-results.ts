import { EnvelopeError } from '../errors.ts'
import type { Call } from './call.ts'
import { type Input, isInput } from './input.ts'
import type { Model } from './model.ts'
import { NeedsSteps } from './needs-steps.ts'
import type { Rewriting, Tools } from './rewriting.ts'
import { checksContexts } from './row-context.ts'
import { reseals } from './update-data.ts'

/**
 * Whether a write may answer with a row that its caller may not see, as only the answer tells: rows that it seals anew are opened, and thereby checked,
 * before.
 */
export function mayAnswerWithOthersRows({ model, operation, args }: Call, rewriting: Rewriting): boolean {
  if (!checksContexts(rewriting)) return false
  switch (operation) {
    case 'delete':
    case 'upsert':
      return true
    case 'update':
    case 'updateManyAndReturn':
      return selectsRelated(model, args) || !(isInput(args['data']) && reseals(model, args['data'], rewriting))
    case 'create':
    case 'createManyAndReturn':
      return selectsRelated(model, args)
    default:
      return false
  }
}

function selectsRelated({ relations }: Model, { include, select }: Input): boolean {
  return [include, select].some((selection) => isInput(selection) && Object.keys(selection).some((name) => relations.has(name)))
}

/**
 * Runs such a write so that nothing of it stays where its answer is refused: in a transaction of its own, or else the caller's, which then can't be
 * committed.
 *
 * @throws NeedsSteps in a batch, whose answers are there when it is committed.
 */
export async function undoingRefused(
  call: Call,
  rewriting: Rewriting,
  run: (call: Call, tools: Tools | undefined) => Promise<unknown>,
): Promise<unknown> {
  switch (call.transaction) {
    case 'batch': {
      const reason = 'a write that gives rows back can not be undone in a batch that Prisma runs by itself'
      throw new NeedsSteps(rewriting.error('UNSUPPORTED', reason, call.model)).refusal
    }
    case 'interactive':
      try {
        return await run(call, undefined)
      } catch (error) {
        if (error instanceof EnvelopeError && error.code === 'CONTEXT_MISMATCH') await call.session.abort()
        throw error
      }
    case 'none':
      // It takes a transaction by itself, which it tries again where another writer came between.
      if (call.operation === 'upsert') return run(call, undefined)
      return call.inTransaction((session, tools) =>
        run(
          {
            ...call,
            transaction: 'interactive',
            session,
            query: (args) => session.answer(call.operation, args),
            inTransaction: (work) => work(session, tools),
          },
          tools,
        ),
      )
  }
}
