import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  GenerateDataKeyCommand,
  KMSClient,
  ListKeysCommand,
} from '@aws-sdk/client-kms'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DEVELOPMENT_CREDENTIALS, type LocalKms, type LocalKmsOptions, startLocalKms } from './index.ts'

let folder: string
let stateFile: string
let cleanUp: (() => unknown)[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'local-kms-'))
  stateFile = join(folder, 'state.json')
})
afterEach(async () => {
  for (const end of cleanUp) await end()
  cleanUp = []
  await rm(folder, { recursive: true, force: true })
})

async function start(options: LocalKmsOptions): Promise<{ server: LocalKms; client: KMSClient }> {
  const server = await startLocalKms(options)
  const client = new KMSClient({ endpoint: server.url, region: server.region, credentials: server.credentials, maxAttempts: 1 })
  cleanUp.push(
    () => server.stop(),
    () => client.destroy(),
  )
  return { server, client }
}

describe('state', () => {
  it('survives a restart: keys, aliases, disabled keys, and what they wrapped', async () => {
    const first = await start({ stateFile })
    const { KeyMetadata } = await first.client.send(new CreateKeyCommand({ Description: 'kept' }))
    const KeyId = KeyMetadata?.KeyId
    await first.client.send(new CreateAliasCommand({ AliasName: 'alias/kept', TargetKeyId: KeyId }))
    const made = await first.client.send(new GenerateDataKeyCommand({ KeyId: 'alias/kept', KeySpec: 'AES_256' }))
    const disabled = await first.server.createKey()
    await first.client.send(new DisableKeyCommand({ KeyId: disabled.id }))
    await first.server.stop()

    const second = await start({ stateFile })
    const opened = await second.client.send(new DecryptCommand({ CiphertextBlob: made.CiphertextBlob, KeyId: 'alias/kept' }))
    expect(opened.Plaintext).toEqual(made.Plaintext)
    expect((await second.client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata).toEqual(KeyMetadata)
    expect((await second.client.send(new DescribeKeyCommand({ KeyId: disabled.id }))).KeyMetadata?.KeyState).toBe('Disabled')
    expect(await second.server.createKey('alias/kept')).toMatchObject({ id: KeyId })
  })

  it('is on disk before CreateKey answers, for its owner alone', async () => {
    const { client } = await start({ stateFile })
    const ids = await Promise.all(
      Array.from({ length: 20 }, async () => (await client.send(new CreateKeyCommand({}))).KeyMetadata?.KeyId),
    )
    const onDisk = JSON.parse(await readFile(stateFile, 'utf8')) as { keys: { id: string }[] }
    expect(new Set(onDisk.keys.map(({ id }) => id))).toEqual(new Set(ids))
    expect((await stat(stateFile)).mode & 0o777).toBe(0o600)
  })

  it('belongs to one server at a time', async () => {
    const { server } = await start({ stateFile })
    await expect(startLocalKms({ stateFile })).rejects.toThrow(/is held by process/)
    await server.stop()
    await start({ stateFile })
  })

  it('is taken over from a server that was killed', async () => {
    await writeFile(`${stateFile}.lock`, '2147483646')
    await start({ stateFile })
    expect(await readFile(`${stateFile}.lock`, 'utf8')).toBe(String(process.pid))
  })

  it('is refused rather than replaced when it is damaged', async () => {
    for (const text of ['', '{', '{"version":2}', '{"version":1,"keys":[{}],"aliases":{}}']) {
      await writeFile(stateFile, text)
      await expect(startLocalKms({ stateFile })).rejects.toThrow(/is not a state file/)
      expect(await readFile(stateFile, 'utf8')).toBe(text)
    }
  })
})

describe('the server', () => {
  it('listens on 127.0.0.1 and nowhere else', async () => {
    const { server } = await start({})
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    await expect(fetch(server.url.replace('127.0.0.1', '127.0.0.2'))).rejects.toThrow()
  })

  it('ends hanging and delayed calls when it stops', async () => {
    const { server, client } = await start({})
    const { id } = await server.createKey()
    server.faults.inject({ hang: true, times: 1 })
    server.faults.inject({ latencyMs: 3_600_000 })
    const calls = [1, 2].map(() => client.send(new DescribeKeyCommand({ KeyId: id })))
    const settled = Promise.allSettled(calls)
    while ((server.calls.DescribeKey ?? 0) < 2) await new Promise((resolve) => setTimeout(resolve, 5))
    await server.stop()
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await server.stop()
  })

  it('says nothing about keys or contexts in its log', async () => {
    const lines: string[] = []
    const { server, client } = await start({ log: (line) => lines.push(line) })
    const { id } = await server.createKey()
    await client.send(new GenerateDataKeyCommand({ KeyId: id, KeySpec: 'AES_256', EncryptionContext: { tenant: '42' } }))
    await client.send(new DescribeKeyCommand({ KeyId: 'alias/none' })).catch(() => {})
    expect(lines).toEqual(['GenerateDataKey 200', 'DescribeKey 400 NotFoundException'])
  })

  it('answers what is no JSON or too long with AWS exceptions', async () => {
    const { server } = await start({})
    const post = async (target: string, body: string): Promise<[number, unknown]> => {
      const response = await fetch(server.url, { method: 'POST', headers: { 'x-amz-target': target }, body })
      return [response.status, ((await response.json()) as { __type: unknown }).__type]
    }
    expect(await post('TrentService.Decrypt', '{')).toEqual([400, 'MissingAuthenticationTokenException'])
    expect(await post('TrentService.toString', '{}')).toEqual([400, 'UnknownOperationException'])
    expect(await post('DynamoDB.Decrypt', '{}')).toEqual([400, 'UnknownOperationException'])
    expect(await post('TrentService.Decrypt', 'x'.repeat(1024 * 1024 + 1))).toEqual([413, 'RequestEntityTooLargeException'])
  })

  it('is controlled by another process over HTTP, but not by a web page', async () => {
    const { server, client } = await start({})
    const { id } = await server.createKey()
    const ask = (method: string, path: string, body?: object, headers?: Record<string, string>): Promise<Response> =>
      fetch(`${server.url}/_local/${path}`, {
        method,
        ...(body ? { body: JSON.stringify(body) } : {}),
        ...(headers ? { headers } : {}),
      })
    expect((await ask('POST', 'faults', { throttle: true, times: 1 })).status).toBe(200)
    const generate = (): Promise<unknown> =>
      client.send(new GenerateDataKeyCommand({ KeyId: id, KeySpec: 'AES_256', EncryptionContext: { a: 'b' } }))
    await expect(generate()).rejects.toMatchObject({ name: 'ThrottlingException' })
    await generate()
    expect(await (await ask('GET', 'calls')).json()).toEqual({ GenerateDataKey: 2 })
    expect(await (await ask('GET', 'contexts')).json()).toHaveLength(2)
    await ask('DELETE', 'calls')
    expect(server.calls).toEqual({})
    expect((await ask('POST', 'faults', { typo: 1 })).status).toBe(400)
    expect((await ask('GET', 'keys')).status).toBe(404)
    expect((await ask('POST', 'faults', { hang: true }, { origin: 'https://example.org' })).status).toBe(400)
    await generate()
  })
})

describe('the command', () => {
  it.each([
    ['--key-alias', 'no-prefix'],
    ['--latency', 'soon'],
    ['--throttle', '2'],
    ['--nonsense', '1'],
  ])('ends with an error for %s %s', async (flag, value) => {
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, '../bin/local-kms.js'), '--port', '0', '--state', stateFile, flag, value],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    let message = ''
    for await (const chunk of child.stderr) message += String(chunk)
    const [code] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode]
    expect(code).toBe(1)
    expect(message).toMatch(/^local-kms: /)
    expect(await readFile(stateFile, 'utf8').catch(() => 'no key was made')).toBe('no key was made')
  })

  it('lets principals of a file do what their policies allow', async () => {
    const principals = join(folder, 'principals.json')
    const bin = join(import.meta.dirname, '../bin/local-kms.js')
    const credentials = { accessKeyId: 'LISTER', secretAccessKey: 'secret' }
    const policy = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: 'kms:ListKeys', Resource: '*' } }
    await writeFile(principals, JSON.stringify([{ ...credentials, policy }]))
    const child = spawn(process.execPath, [bin, '--port', '0', '--principals', principals], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    cleanUp.push(() => child.kill('SIGKILL'))
    let output = ''
    child.stdout.on('data', (text: Buffer) => (output += text.toString()))
    while (!output.includes('AWS_SECRET_ACCESS_KEY')) await once(child.stdout, 'data')
    const endpoint = /AWS_ENDPOINT_URL_KMS=(\S+)/.exec(output)?.[1] ?? ''
    const client = new KMSClient({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1 })
    cleanUp.push(() => client.destroy())
    await expect(client.send(new ListKeysCommand({}))).resolves.toMatchObject({ Keys: [] })
    await expect(client.send(new CreateKeyCommand({}))).rejects.toMatchObject({ name: 'AccessDeniedException' })
  })

  it.each(['', '{}', '[{"accessKeyId":"a"}]', '[{"accessKeyId":"a","secretAccessKey":"b","policy":{"Version":"1"}}]'])(
    'ends with an error for principals such as %j',
    async (text) => {
      const principals = join(folder, 'principals.json')
      await writeFile(principals, text)
      const bin = join(import.meta.dirname, '../bin/local-kms.js')
      const child = spawn(process.execPath, [bin, '--port', '0', '--principals', principals], {
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      let message = ''
      for await (const chunk of child.stderr) message += String(chunk)
      const [code] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode]
      expect(code).toBe(1)
      expect(message).toMatch(/^local-kms: /)
    },
  )

  it('prints where it listens, keeps its state and stops on SIGTERM', async () => {
    const run = async (): Promise<string> => {
      const child = spawn(
        process.execPath,
        [join(import.meta.dirname, '../bin/local-kms.js'), '--port', '0', '--state', stateFile, '--key-alias', 'alias/app-pii'],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      )
      cleanUp.push(() => child.kill('SIGKILL'))
      let output = ''
      for await (const chunk of child.stdout) {
        output += String(chunk)
        if (output.includes('AWS_SECRET_ACCESS_KEY')) child.kill('SIGTERM')
      }
      const [code] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode]
      expect(code).toBe(0)
      return output
    }
    const first = await run()
    expect(first).toMatch(/export AWS_ENDPOINT_URL_KMS=http:\/\/127\.0\.0\.1:\d+/)
    expect(first).toContain(`export AWS_ACCESS_KEY_ID=${DEVELOPMENT_CREDENTIALS.accessKeyId}`)
    expect(first).toContain('It is for development')
    const arn = /alias\/app-pii is (\S+)/.exec(first)?.[1]
    expect(await run()).toContain(`alias/app-pii is ${arn}`)
  })
})
