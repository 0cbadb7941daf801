import { createHash, createHmac } from 'node:crypto'
import { DescribeKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LocalKms, startLocalKms } from '../index.ts'
import { type SignedRequest, verifySignature } from './sigv4.ts'

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
const now = new Date('2015-08-30T12:36:00Z')
const expected = { credentials: [credentials], region: 'us-east-1', now }

/** Signs by the steps of the specification, independently of the code under test. */
function signed(scope = '20150830/us-east-1/kms/aws4_request', stamp = '20150830T123600Z'): SignedRequest {
  const body = Buffer.from('{}')
  const names = 'host;x-amz-date;x-amz-target'
  const hash = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex')
  const canonical = `POST\n/\n\nhost:127.0.0.1:1\nx-amz-date:${stamp}\nx-amz-target:TrentService.Decrypt\n\n${names}\n${hash(body)}`
  let key: Buffer = Buffer.from(`AWS4${credentials.secretAccessKey}`)
  for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest()
  const signature = createHmac('sha256', key)
    .update(`AWS4-HMAC-SHA256\n${stamp}\n${scope}\n${hash(canonical)}`)
    .digest('hex')
  return {
    method: 'POST',
    url: '/',
    body,
    headers: {
      host: ['127.0.0.1:1'],
      'x-amz-date': [stamp],
      'x-amz-target': ['TrentService.Decrypt'],
      authorization: [
        `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
      ],
    },
  }
}
const withHeader = (request: SignedRequest, name: string, value: string | undefined): SignedRequest => ({
  ...request,
  headers: { ...request.headers, [name]: value === undefined ? undefined : [value] },
})
const authorization = (request: SignedRequest): string => request.headers['authorization']?.[0] ?? ''
const nameThrown = (request: SignedRequest, against = expected): string => {
  try {
    verifySignature(request, against)
    return 'accepted'
  } catch (error) {
    return error instanceof Error ? error.name : 'not an error'
  }
}

describe('a signature by the specification', () => {
  it('is accepted', () => expect(nameThrown(signed())).toBe('accepted'))

  it('is refused for another body, target, host, path, method or secret', () => {
    const request = signed()
    const wrong = [
      { ...request, body: Buffer.from('{ }') },
      { ...request, url: '/?a=b' },
      { ...request, method: 'PUT' },
      withHeader(request, 'x-amz-target', 'TrentService.Encrypt'),
      withHeader(request, 'host', '127.0.0.1:2'),
    ]
    for (const one of wrong) expect(nameThrown(one)).toBe('InvalidSignatureException')
    const other = { ...expected, credentials: [{ ...credentials, secretAccessKey: 'other' }] }
    expect(nameThrown(request, other)).toBe('InvalidSignatureException')
  })

  it('is refused when any of its digits is altered or missing', () => {
    const request = signed()
    const value = authorization(request)
    for (let at = value.length - 64; at < value.length; at += 1) {
      const digit = value[at] === '0' ? '1' : '0'
      const altered = `${value.slice(0, at)}${digit}${value.slice(at + 1)}`
      expect(nameThrown(withHeader(request, 'authorization', altered))).toBe('InvalidSignatureException')
    }
    expect(nameThrown(withHeader(request, 'authorization', value.slice(0, -2)))).toBe('InvalidSignatureException')
  })

  it('is refused for another Region, service, date or terminator', () => {
    for (const scope of [
      '20150830/eu-central-1/kms/aws4_request',
      '20150830/us-east-1/s3/aws4_request',
      '20150829/us-east-1/kms/aws4_request',
      '20150830/us-east-1/kms/aws5_request',
    ]) {
      expect(nameThrown(signed(scope)), scope).toBe('InvalidSignatureException')
    }
    expect(nameThrown(signed('20150830/us-east-1/kms'))).toBe('IncompleteSignatureException')
  })

  it('holds for five minutes before and after its date', () => {
    const at = (iso: string): string => nameThrown(signed(), { ...expected, now: new Date(iso) })
    expect(at('2015-08-30T12:41:00Z')).toBe('accepted')
    expect(at('2015-08-30T12:41:01Z')).toBe('InvalidSignatureException')
    expect(at('2015-08-30T12:31:00Z')).toBe('accepted')
    expect(at('2015-08-30T12:30:59Z')).toBe('InvalidSignatureException')
    expect(nameThrown(signed(undefined, '2015-08-30'))).toBe('IncompleteSignatureException')
    expect(nameThrown(signed(undefined, '20159930T123600Z'))).toBe('IncompleteSignatureException')
  })

  it('must cover host and every x-amz- header that decides the meaning', () => {
    const request = signed()
    for (const name of ['host', 'x-amz-date', 'x-amz-target']) {
      const fewer = authorization(request).replace(`${name};`, '').replace(`;${name}`, '')
      expect(nameThrown(withHeader(request, 'authorization', fewer)), name).toBe('InvalidSignatureException')
    }
    expect(nameThrown(withHeader(request, 'x-amz-security-token', 'token'))).toBe('InvalidSignatureException')
  })

  it('needs every part of the Authorization header', () => {
    const request = signed()
    expect(nameThrown(withHeader(request, 'authorization', undefined))).toBe('MissingAuthenticationTokenException')
    expect(nameThrown(withHeader(request, 'authorization', 'Bearer x'))).toBe('IncompleteSignatureException')
    for (const part of ['Credential', 'SignedHeaders', 'Signature']) {
      const without = authorization(request).replace(`${part}=`, 'Other=')
      expect(nameThrown(withHeader(request, 'authorization', without)), part).toBe('IncompleteSignatureException')
    }
    expect(nameThrown(withHeader(request, 'x-amz-date', undefined))).toBe('IncompleteSignatureException')
  })
})

describe('the AWS SDK', () => {
  const temporary = { accessKeyId: 'TEMPORARY', secretAccessKey: 'secret', sessionToken: 'token' }
  let server: LocalKms
  let keyId: string
  beforeAll(async () => {
    server = await startLocalKms({ credentials: [credentials, temporary] })
    keyId = (await server.createKey()).id
  })
  afterAll(() => server.stop())

  const describeAs = async (as: typeof credentials & { sessionToken?: string }, region = server.region): Promise<string> => {
    const client = new KMSClient({ endpoint: server.url, region, credentials: as, maxAttempts: 1 })
    try {
      await client.send(new DescribeKeyCommand({ KeyId: keyId }))
      return 'accepted'
    } catch (error) {
      return error instanceof Error ? error.name : 'not an error'
    } finally {
      client.destroy()
    }
  }

  it('is let in with the configured credentials alone', async () => {
    expect(await describeAs(credentials)).toBe('accepted')
    expect(await describeAs(temporary)).toBe('accepted')
    expect(await describeAs({ ...credentials, accessKeyId: 'NOBODY' })).toBe('UnrecognizedClientException')
    expect(await describeAs({ ...credentials, secretAccessKey: 'wrong' })).toBe('InvalidSignatureException')
    expect(await describeAs({ ...temporary, sessionToken: 'another' })).toBe('UnrecognizedClientException')
    expect(await describeAs({ ...credentials, sessionToken: 'none expected' })).toBe('UnrecognizedClientException')
    expect(await describeAs(credentials, 'eu-west-1')).toBe('InvalidSignatureException')
  })

  it('is refused when its signature is tampered with on the way, which is not counted as a call', async () => {
    const client = new KMSClient({ endpoint: server.url, region: server.region, credentials, maxAttempts: 1 })
    client.middlewareStack.add(
      (next) => (args) => {
        const { request } = args as { request: { headers: Record<string, string> } }
        request.headers['authorization'] = `${request.headers['authorization']?.slice(0, -1)}x`
        return next(args)
      },
      { step: 'finalizeRequest', priority: 'low' },
    )
    server.resetLog()
    await expect(client.send(new DescribeKeyCommand({ KeyId: keyId }))).rejects.toMatchObject({
      name: 'InvalidSignatureException',
      $metadata: { httpStatusCode: 400 },
    })
    expect(server.calls).toEqual({})
    client.destroy()
  })
})
