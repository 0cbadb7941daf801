// A writer in a process of its own, run by tsx: does what its parent tells it, and is never killed.

import type { Answer, Request } from './remote-writer.ts'
import { createWriter, type Writer } from './writer.ts'

let writer: Writer | undefined

async function answer(request: Request): Promise<Answer['result']> {
  if (request.kind === 'begin') writer = createWriter(request.commission)
  if (writer === undefined) throw new Error('told to do something before it was told how')
  if (request.kind === 'become') await writer.become(request.stance)
  if (request.kind === 'attend') await writer.attend(request.keys)
  if (request.kind === 'account') return writer.account()
  return undefined
}

process.on('message', ({ id, request }: { readonly id: number; readonly request: Request }) => {
  answer(request).then(
    (result) => process.send?.({ id, result } satisfies Answer),
    (error: unknown) => process.send?.({ id, result: undefined, error: String(error) } satisfies Answer),
  )
})
