import { readFile } from 'node:fs/promises'
import { cac } from 'cac'
import type { Principal } from './iam/principals.ts'
import { isRecord } from './protocol/input.ts'
import { DEVELOPMENT_CREDENTIALS, type LocalKms, startLocalKms } from './server.ts'

const cli = cac('local-kms')
cli
  .command('', 'Serve the AWS KMS protocol on 127.0.0.1. For development and tests: keys lie in the clear in the state file.')
  .option('--port <port>', 'Port on 127.0.0.1; 0 takes a free one', { default: 4599 })
  .option('--state <file>', 'File that keeps keys and aliases; without it they end with the server')
  .option('--key-alias <alias>', 'Make a key with this alias unless the alias is there, such as alias/app-pii; may be repeated')
  .option('--access-key-id <id>', 'Who may call', { default: DEVELOPMENT_CREDENTIALS.accessKeyId })
  .option('--secret-access-key <secret>', 'Their secret', { default: DEVELOPMENT_CREDENTIALS.secretAccessKey })
  .option(
    '--principals <file>',
    'JSON list of { accessKeyId, secretAccessKey, policy }: who else may call, for what an IAM policy allows',
  )
  .option('--region <region>', 'Region in ARNs and signatures', { default: 'us-east-1' })
  .option('--account-id <digits>', 'Account in ARNs', { default: '000000000000' })
  .option('--latency <ms>', 'Delay each call by milliseconds', { default: 0 })
  .option('--throttle <probability>', 'Throttle this share of calls, 0 to 1', { default: 0 })
  .option('--verbose', 'Print a line for each call')
  .action(run)
cli.help()

try {
  cli.parse(process.argv, { run: false })
  await cli.runMatchedCommand()
} catch (error) {
  print(process.stderr, `local-kms: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}

type Flags = Readonly<Record<string, unknown>>

async function run(flags: Flags): Promise<void> {
  const kms = await startLocalKms({
    port: number(flags, 'port'),
    ...(flags['state'] === undefined ? {} : { stateFile: text(flags, 'state') }),
    credentials: { accessKeyId: text(flags, 'accessKeyId'), secretAccessKey: text(flags, 'secretAccessKey') },
    ...(flags['principals'] === undefined ? {} : { principals: await readPrincipals(text(flags, 'principals')) }),
    region: text(flags, 'region'),
    accountId: text(flags, 'accountId').padStart(12, '0'),
    ...(flags['verbose'] === true ? { log: (line: string) => print(process.stderr, line) } : {}),
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void kms.stop())
  try {
    await prepare(kms, flags)
  } catch (error) {
    await kms.stop()
    throw error
  }
}

async function prepare(kms: LocalKms, flags: Flags): Promise<void> {
  const latencyMs = number(flags, 'latency')
  const probability = number(flags, 'throttle')
  if (probability !== 0) kms.faults.inject({ throttle: true, probability, latencyMs })
  if (latencyMs !== 0) kms.faults.inject({ latencyMs })

  print(process.stdout, `local-kms listens on ${kms.url}. It is for development: don't protect real data with it.`)
  for (const alias of aliases(flags['keyAlias'])) print(process.stdout, `${alias} is ${(await kms.createKey(alias)).arn}`)
  for (const [name, value] of Object.entries(kms.env)) print(process.stdout, `export ${name}=${value}`)
}

async function readPrincipals(file: string): Promise<readonly Principal[]> {
  const principals: unknown = JSON.parse(await readFile(file, 'utf8'))
  if (Array.isArray(principals) && principals.every(isPrincipal)) return principals
  throw new Error(`${file} must be a list of { accessKeyId, secretAccessKey, policy }`)
}

function isPrincipal(entry: unknown): entry is Principal {
  if (!isRecord(entry)) return false
  const { accessKeyId, secretAccessKey, sessionToken = '', policy } = entry
  return [accessKeyId, secretAccessKey, sessionToken].every((part) => typeof part === 'string') && isRecord(policy)
}

/** The parser makes numbers of what looks like one. */
function text(flags: Flags, name: string): string {
  const value = flags[name]
  if (typeof value === 'string' || typeof value === 'number') return String(value)
  throw new Error(`--${name} must be given once, with a value`)
}

function number(flags: Flags, name: string): number {
  const value = Number(flags[name])
  if (!Number.isFinite(value)) throw new Error(`--${name} must be a number`)
  return value
}

function aliases(flag: unknown): readonly string[] {
  return flag === undefined ? [] : [flag].flat().map(String)
}

function print(stream: NodeJS.WriteStream, line: string): void {
  stream.write(`${line}\n`)
}
