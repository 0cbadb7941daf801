import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Key } from './ledger.ts'
import type { Stance } from './stance.ts'
import type { Account, Commission, Writer } from './writer.ts'

export type Request =
  | { readonly kind: 'begin'; readonly commission: Commission }
  | { readonly kind: 'become'; readonly stance: Stance | 'at rest' }
  | { readonly kind: 'attend'; readonly keys: readonly Key[] }
  | { readonly kind: 'account' }

export interface Answer {
  readonly id: number
  readonly result: Account | undefined
  readonly error?: string
}

/** A writer in a process of its own. */
export async function createRemoteWriter(commission: Commission): Promise<Writer> {
  const child = fork(fileURLToPath(new URL('./writer-process.ts', import.meta.url)), {
    execArgv: ['--import', createRequire(import.meta.url).resolve('tsx')],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, NODE_NO_WARNINGS: '1', PRISMA_VARIANT: '7' },
  })
  const waiting = new Map<number, { resolve(result: Account | undefined): void; reject(error: Error): void }>()
  let last = 0
  child.on('message', ({ id, result, error }: Answer) => {
    if (error === undefined) waiting.get(id)?.resolve(result)
    else waiting.get(id)?.reject(new Error(`the writer's process: ${error}`))
    waiting.delete(id)
  })
  child.once('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`the writer's process ended with ${code}`))
  })
  const ask = (request: Request): Promise<Account | undefined> =>
    new Promise((resolve, reject) => {
      if (!child.connected) return reject(new Error("the writer's process is not there any more"))
      last += 1
      waiting.set(last, { resolve, reject })
      child.send({ id: last, request })
    })
  await ask({ kind: 'begin', commission })
  return {
    async become(stance) {
      await ask({ kind: 'become', stance })
    },
    async attend(keys) {
      await ask({ kind: 'attend', keys })
    },
    async account() {
      const account = await ask({ kind: 'account' })
      if (account === undefined) throw new Error("the writer's process gave no account")
      return account
    },
    async close() {
      if (!child.connected) return
      await ask({ kind: 'become', stance: 'at rest' })
      const exit = once(child, 'exit')
      child.disconnect()
      await exit
    },
  }
}
