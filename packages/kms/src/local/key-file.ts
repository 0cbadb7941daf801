import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fstatSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { EnvelopeError } from 'prisma-envelope/keys'

/** @throws `CONFIG` where the file is missing, or others than its owner may read it. */
export function readKeyFile(file: string): string {
  const descriptor = open(file)
  try {
    const { mode } = fstatSync(descriptor)
    // Windows has no such bits: Node reports 0666 for every file there.
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new EnvelopeError('CONFIG', `Others than its owner can reach the key file ${file}; run: chmod 600 ${file}`)
    }
    return readFileSync(descriptor, 'utf8')
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Makes the file where it is missing, complete at once and never over one that is there: of two processes that begin together, both
 * then read one key.
 *
 * @throws `CONFIG` where it can't be made
 */
export function ensureKeyFile(file: string): void {
  if (existsSync(file)) return
  try {
    create(file)
  } catch (error) {
    throw new EnvelopeError(
      'CONFIG',
      `The key file ${file} can not be made; check that its folder exists and can be written`,
      {},
      error,
    )
  }
}

function create(file: string): void {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  const descriptor = openSync(temporary, 'wx', 0o600)
  try {
    writeFileSync(descriptor, `${randomBytes(32).toString('base64')}\n`)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  try {
    linkSync(temporary, file)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  } finally {
    rmSync(temporary)
  }
}

function open(file: string): number {
  try {
    return openSync(file, 'r')
  } catch (error) {
    const why = hasCode(error, 'ENOENT') ? 'does not exist; restore it, or give create: true for a new key' : 'can not be read'
    throw new EnvelopeError('CONFIG', `The key file ${file} ${why}`, {}, error)
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
