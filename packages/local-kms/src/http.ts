import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { KmsException } from './protocol/exceptions.ts'

const MAX_BODY = 1024 * 1024

/** @throws KmsException with status 413 above 1 MiB */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue
    length += chunk.length
    if (length > MAX_BODY) throw new KmsException('RequestEntityTooLargeException', 'The request is larger than 1 MiB.', 413)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

export function answer(response: ServerResponse, status: number, output: object | undefined): void {
  send(response, status, 'application/x-amz-json-1.1', output === undefined ? '' : JSON.stringify(output))
}

export function answerException(response: ServerResponse, exception: KmsException): void {
  if (exception.name === 'ProxyError') {
    send(response, exception.status, 'text/html', `<html><body>${exception.status}</body></html>`)
  } else {
    answer(response, exception.status, { __type: exception.name, message: exception.message })
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  if (response.destroyed) return
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-amzn-requestid': randomUUID(),
  })
  response.end(body)
}
