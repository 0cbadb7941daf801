import type { ColumnPlan, ModelPlan, ModelsPlan, RelationPlan } from 'prisma-envelope/plan'
import type { Client } from './client.ts'
import { clientProperty } from './client-types.ts'
import { keyText, stringText } from './literal-text.ts'

type Member = readonly [name: string, type: string]

/** Declarations of `StrictClient`: the extended client, with what ciphertext can't answer refused by the compiler. */
export function strictTypes(models: ModelsPlan, client: Client): string {
  const reaching = reachingSealing(models)
  const reached = Object.entries(models).filter(([name]) => reaching.has(name))
  return `import type { ITXClientDenyList, Types } from ${stringText(client.runtime)}
import type * as Strict from 'prisma-envelope/strict'
import type { Prisma } from ${stringText(client.specifier)}

${CLIENT}
interface Refusals {
${reached.map(([name]) => memberText([clientProperty(name), `${name}Arguments`], '')).join('')}}
${reached.map(([name, model]) => modelText(name, model, reaching)).join('')}`
}

/** Models that have encrypted fields, or lead to one that has: in all others nothing is refused. */
function reachingSealing(models: ModelsPlan): ReadonlySet<string> {
  const reaching = new Set(Object.keys(models).filter((name) => models[name]?.envelope !== undefined))
  // The set grows while it is walked.
  for (const name of reaching) {
    for (const [other, { relations }] of Object.entries(models)) {
      if (Object.values(relations).some(({ model }) => model === name)) reaching.add(other)
    }
  }
  return reaching
}

function modelText(name: string, model: ModelPlan, reaching: ReadonlySet<string>): string {
  const encrypted = Object.entries(model.columns).filter(([, column]) => column.encrypted !== undefined)
  const relations = Object.entries(model.relations).filter(([, relation]) => reaching.has(relation.model))
  const envelope: Member[] = model.envelope === undefined ? [] : [[model.envelope.field, 'Strict.Envelope']]
  const incomparable = encrypted.filter(([, column]) => column.encrypted?.search === undefined).map(([field]) => field)
  const excluded = [...incomparable, ...envelope.map(([field]) => field)].map(stringText).join(' | ')
  const where: Member[] = [
    ['AND', `Strict.OneOrMore<${name}Where>`],
    ['OR', `readonly ${name}Where[]`],
    ['NOT', `Strict.OneOrMore<${name}Where>`],
    ...encrypted.map(([field, column]): Member => [field, filterType(column)]),
    ...relations.map(([field, relation]): Member => [field, relationFilterType(relation, model)]),
    ...envelope,
  ]
  const order: Member[] = [
    ...['_count', '_min', '_max', '_avg', '_sum'].map((key): Member => [key, `${name}Fields`]),
    ...relations.filter(([, { list }]) => list !== true).map(([field, other]): Member => [field, `${other.model}Order`]),
  ]
  const data: Member[] = [
    ...encrypted.flatMap(([field, column]): Member[] => assignedMembers(field, column)),
    ...relations.map(([field, other]): Member => [field, nestedWriteType(other)]),
    ...envelope,
  ]
  const counted = relations.filter(([, { list }]) => list === true)
  const counts = counted.map(([field, other]) => `${keyText(field)}: ${other.model}Where`).join('; ')
  const selection: Member[] = [
    ...relations.map(([field, other]): Member => [field, `boolean | ${readType(other.model)}`]),
    ...(counted.length === 0 ? [] : [['_count', `boolean | Strict.Count<{ ${counts} }>`] as const]),
  ]
  const fields: Member[] = [...encrypted.map(([field]): Member => [field, 'Strict.Uncomputable']), ...envelope]
  return `
${interfaceText(`${name}Where`, 'Strict.Single', where)}
${interfaceText(`${name}Fields`, 'Strict.Single', fields)}
${interfaceText(`${name}Order`, `${name}Fields`, order)}
${interfaceText(`${name}Data`, 'Strict.Single', data)}
${interfaceText(`${name}Selection`, 'Strict.Single', selection)}
type ${name}Column = ${excluded === '' ? 'string' : `Exclude<Prisma.${capitalized(name)}ScalarFieldEnum, ${excluded}>`}
interface ${name}Arguments extends ${readType(name)}, Strict.Write<${name}Data>, Strict.Aggregate<${name}Fields, ${name}Column> {}
`
}

function interfaceText(name: string, base: string, members: readonly Member[]): string {
  return `export interface ${name} extends ${base} {\n${members.map((member) => memberText(member, '?')).join('')}}`
}

function memberText([name, type]: Member, optional: '?' | ''): string {
  return `  ${keyText(name)}${optional}: ${type}\n`
}

function readType(model: string): string {
  return `Strict.Read<${model}Where, ${model}Order, ${model}Column, ${model}Selection>`
}

function nestedWriteType({ model, list }: RelationPlan): string {
  return `Strict.${list === true ? 'ToMany' : 'ToOne'}<${model}Where, ${model}Data>`
}

function relationFilterType({ model, list, from }: RelationPlan, { columns }: ModelPlan): string {
  if (list === true) return `Strict.Some<${model}Where>`
  const required = from.length > 0 && from.every((field) => columns[field]?.required === true)
  return `${model}Where & Strict.One<${model}Where>${required ? '' : ' | null'}`
}

function filterType({ type, list, required, encrypted }: ColumnPlan): string {
  if (encrypted?.search !== undefined) {
    const filter = encrypted.search.normalize.includes('lowercase') ? 'Equality' : 'ExactEquality'
    return `string | ${required === true ? '' : 'null | '}Strict.${filter}`
  }
  if (list === true || required === true) return 'Strict.Unsearchable'
  return type === 'Json' ? 'Strict.OnlyNull<typeof Prisma.DbNull>' : 'null | Strict.OnlyNull<null>'
}

const NUMBERS: ReadonlySet<ColumnPlan['type']> = new Set(['Int', 'BigInt', 'Float', 'Decimal'])

function assignedMembers(field: string, { type, list }: ColumnPlan): Member[] {
  if (list === true) return [[field, 'readonly unknown[] | Strict.AssignedList']]
  // A number is a Strict.Assigned, as the interface asks for nothing that numbers lack.
  return NUMBERS.has(type) ? [[field, 'string | null | Strict.Assigned']] : []
}

/**
 * Arguments are inferred and checked as Prisma does it, and then compared with the refusals: laid over Prisma's input types by intersection, the refusals would
 * cost a multiple of the compile time.
 */
const CLIENT = `type Map = Types.Extensions.TypeMapDef
type ExtArgs = Types.Extensions.InternalArgs
type Result<M extends Map, Model extends PropertyKey, Args, Name extends PropertyKey> = Types.Extensions.DynamicModelExtensionFnResult<
  M, Model, Args, Name, Types.Extensions.DynamicModelExtensionFnResultNull<Name>
>
type Operation<M extends Map, Model extends PropertyKey, Name extends PropertyKey, Args, Refused> = {} extends Args
  ? <A extends Args>(args?: Strict.Checked<A, Args, Refused>) => Result<M, Model, A, Name>
  : <A extends Args>(args: Strict.Checked<A, Args, Refused>) => Result<M, Model, A, Name>
type Delegate<M extends Map, Model extends PropertyKey, Extended, Overridden, Refused> = {
  [Name in keyof Extended]: Name extends Exclude<keyof M['model'][Model]['operations'], Overridden>
    ? Operation<M, Model, Name, M['model'][Model]['operations'][Name]['args'], Refused>
    : Extended[Name]
}
type TransactionOptions = { maxWait?: number; timeout?: number; isolationLevel?: Prisma.TransactionIsolationLevel }
type Interactive<Client> = <R>(run: (client: Omit<Client, ITXClientDenyList>) => Promise<R>, options?: TransactionOptions) => Promise<R>
type Narrowed<Client, M extends Map, E extends ExtArgs> = {
  [Key in keyof Client]: Key extends keyof Refusals
    ? Delegate<M, Types.Extensions.ModelKey<M, Key>, Client[Key], keyof E['model'][Key], Refusals[Key]>
    : Key extends '$transaction'
      ? Interactive<Narrowed<Client, M, E>> & Client[Key]
      : Client[Key]
}

/** The extended client \`typeof prisma\`, with what ciphertext can't answer refused by the compiler. */
export type StrictClient<Client> = Client extends {
  $extends: Types.Extensions.ExtendsHook<'extends', infer MapOf extends Types.Extensions.TypeMapCbDef, infer E extends ExtArgs>
}
  ? Narrowed<Client, Types.Utils.Call<MapOf, { extArgs: E }>, E>
  : never
`

/** Prisma writes the names of these types, and of no others, with a capital. */
function capitalized(model: string): string {
  return `${model.charAt(0).toUpperCase()}${model.slice(1)}`
}
