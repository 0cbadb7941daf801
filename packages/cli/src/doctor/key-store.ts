import { contextDigest, type EncryptionContext, EnvelopeError, type KeyStorePlan, rowContext } from 'prisma-envelope/rows'
import { type Connection, textRows } from '../database/connection.ts'
import { columnsOf, literal, quoted, tableOf } from '../database/sql-text.ts'
import type { Diagnosis } from './diagnosis.ts'
import { surviving } from './examine.ts'
import type { WrappedKey } from './stored-keys.ts'

const UNIQUE = ['kid', 'table', 'contextDigest', 'generation'] as const

/**
 * Looks through the key store: whether its table is as applications need it, and what its keys are.
 *
 * @param names of the keyring's KMS keys
 */
export async function keyStoreFindings(
  sql: Connection,
  plan: KeyStorePlan,
  names: ReadonlySet<string>,
): Promise<readonly Diagnosis[]> {
  const findings: Diagnosis[] = []
  await surviving(plan.model, findings, async () => {
    const shape = await shapeFindings(sql, plan)
    findings.push(...shape)
    if (shape.some(({ code }) => code !== 'KEY_STORE_INDEX')) return
    findings.push(...(await keyFindings(sql, plan, names)), ...(await contextFindings(sql, plan)))
  })
  return findings
}

async function shapeFindings(sql: Connection, plan: KeyStorePlan): Promise<readonly Diagnosis[]> {
  const relation = `to_regclass(${literal(tableOf(plan))})`
  const [table] = await textRows(sql, `SELECT relkind, relrowsecurity FROM pg_class WHERE oid = ${relation}`)
  const migrate = 'apply the migration of the model marked @envelopeKeys'
  if (table === undefined)
    return [
      wrong(
        plan,
        'KEY_STORE_MISSING',
        `the database has no table ${tableOf(plan)}: no stored key opens, and none can be made`,
        migrate,
      ),
    ]
  const findings: Diagnosis[] = []
  const found = await textRows(
    sql,
    `SELECT attname FROM pg_attribute WHERE attrelid = ${relation} AND attnum > 0 AND NOT attisdropped`,
  )
  const columns = new Set(found.map(([name]) => name))
  const missing = Object.values(plan.columns).filter((column) => !columns.has(column))
  if (missing.length > 0)
    findings.push(wrong(plan, 'KEY_STORE_MISSING', `its table lacks the columns ${missing.map(quoted).join(', ')}`, migrate))
  const indexes = await textRows(
    sql,
    `SELECT array_to_json(ARRAY(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])))
     FROM pg_index i WHERE i.indrelid = ${relation} AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL`,
  )
  const wanted = UNIQUE.map((field) => plan.columns[field])
  const isThere = indexes.some(([names]) => sameNames(JSON.parse(names as string) as string[], wanted))
  if (!isThere)
    findings.push(
      wrong(
        plan,
        'KEY_STORE_INDEX',
        `its table has no unique index on ${wanted.join(', ')}: processes that start at once would each make a key`,
        migrate,
      ),
    )
  if (table[1] === 't')
    findings.push({
      ...wrong(
        plan,
        'ROW_SECURITY',
        'row-level security may hide keys from applications, which then make more, or open nothing',
        '',
      ),
      severity: 'warning',
      remedy: 'let its policies show every row to users that read or write encrypted rows',
    })
  return findings
}

async function keyFindings(sql: Connection, plan: KeyStorePlan, names: ReadonlySet<string>): Promise<readonly Diagnosis[]> {
  const c = columnsOf(plan)
  const rows = await textRows(
    sql,
    `SELECT ${c.kid}, count(*) FILTER (WHERE ${c.wrapped} IS NOT NULL AND ${c.erasedAt} IS NULL),
       count(*) FILTER (WHERE ${c.wrapped} IS NULL AND ${c.erasedAt} IS NULL),
       count(*) FILTER (WHERE ${c.wrapped} IS NOT NULL AND ${c.erasedAt} IS NOT NULL) FROM ${tableOf(plan)} GROUP BY 1`,
  )
  const sum = (at: number): number => rows.reduce((total, row) => total + Number(row[at]), 0)
  const findings = rows.flatMap(([kid, live]): Diagnosis[] => {
    if (Number(live) === 0 || names.has(kid as string)) return []
    const key = /^[A-Za-z0-9._-]{1,32}$/.test(kid as string) ? (kid as string) : '?'
    return [
      {
        ...wrong(
          plan,
          'KEY_NOT_IN_KEYRING',
          `${live} stored keys are wrapped by it, and it is not in the keyring: rows that name them do not open`,
          'add its provider to `keys.others`, under this very name',
        ),
        key,
      },
    ]
  })
  if (sum(2) > 0)
    findings.push(
      wrong(
        plan,
        'KEY_STORE_DAMAGED',
        `${sum(2)} keys have no wrapped bytes, and are not marked as erased`,
        'restore them from a backup',
      ),
    )
  if (sum(3) > 0)
    findings.push(
      wrong(
        plan,
        'ERASURE_INCOMPLETE',
        `${sum(3)} keys are marked as erased, and still have their wrapped bytes`,
        'erase their context again',
      ),
    )
  return findings
}

/** Erased contexts, and contexts that are not those of their digests. */
async function contextFindings(sql: Connection, plan: KeyStorePlan): Promise<readonly Diagnosis[]> {
  const c = columnsOf(plan)
  const contexts = await textRows(sql, `SELECT DISTINCT ${c.contextDigest}, ${c.context} FROM ${tableOf(plan)}`)
  const altered = contexts.filter(([digest, context]) => !isDigestOf(digest as string, context as string)).length
  const [counts] = await textRows(
    sql,
    `SELECT count(*) FILTER (WHERE erased), count(*) FILTER (WHERE erased AND live)
     FROM (SELECT bool_or(${c.erasedAt} IS NOT NULL) AS erased, bool_or(${c.erasedAt} IS NULL) AS live FROM ${tableOf(plan)} GROUP BY ${c.contextDigest}) AS t`,
  )
  const [erased, partly] = [Number(counts?.[0]), Number(counts?.[1])]
  const findings: Diagnosis[] = []
  if (altered > 0)
    findings.push(
      wrong(
        plan,
        'CONTEXT_MISMATCH',
        `${altered} contexts are not those of their digests: the key store was altered, and these keys open nothing`,
        'restore these keys from a backup',
      ),
    )
  if (partly > 0)
    findings.push(
      wrong(
        plan,
        'ERASURE_INCOMPLETE',
        `${partly} erased contexts have keys that are not erased: an erasure was interrupted, or keys came back from a backup`,
        'erase these contexts again, or run `prisma-envelope-cli doctor --erased` with the list that `erase` printed',
      ),
    )
  if (erased > 0)
    findings.push({
      severity: 'note',
      code: 'ERASED',
      model: plan.model,
      meaning: `${erased} contexts are erased`,
      remedy: 'nothing: their rows never open again, and they take no new ones',
    })
  return findings
}

function isDigestOf(digest: string, context: string): boolean {
  try {
    return contextDigest(JSON.parse(context) as EncryptionContext) === digest
  } catch (error) {
    // Values that are no texts, say.
    if (error instanceof EnvelopeError || error instanceof TypeError) return false
    throw error
  }
}

/** A stored key that this KMS key wraps. */
export async function storedKeyUnder(sql: Connection, plan: KeyStorePlan, kid: string): Promise<WrappedKey | undefined> {
  const c = columnsOf(plan)
  const [row] = await textRows(
    sql,
    `SELECT ${c.wrapped}, ${c.table}, ${c.context} FROM ${tableOf(plan)}
     WHERE ${c.kid} = $1 AND ${c.wrapped} IS NOT NULL AND ${c.erasedAt} IS NULL LIMIT 1`,
    [kid],
  )
  if (row === undefined) return undefined
  const [wrapped, table, context] = row as readonly string[]
  return {
    kid,
    wrapped: wrapped as string,
    context: rowContext(table as string, JSON.parse(context as string) as EncryptionContext),
  }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name))
}

function wrong({ model }: KeyStorePlan, code: string, meaning: string, remedy: string): Diagnosis {
  return { severity: 'error', code, model, meaning, remedy }
}
