export const MODELS = 100

/** The client's name of a model. */
export function property(index: number): string {
  return `model${String(index).padStart(3, '0')}`
}

function model(index: number): string {
  return property(index).replace('m', 'M')
}

export function parentOf(index: number): number {
  return Math.floor((index - 1) / 3)
}

export function childrenOf(index: number): readonly number[] {
  return [1, 2, 3].map((nth) => 3 * index + nth).filter((child) => child < MODELS)
}

/** A tree of models with relations to one and to many; every second one has four encrypted fields, the others three. */
export function schema(client: 'prisma-client' | 'prisma-client-js'): string {
  return `
generator client {
  provider = "${client}"
  output   = "../generated/prisma"
}
generator envelope {
  provider = "prisma-envelope"
  output   = "../generated/envelope"
}
datasource db {
  provider = "postgresql"
}
enum Status {
  OPEN
  CLOSED
}
${Array.from({ length: MODELS }, (_, index) => modelText(index)).join('')}`
}

function modelText(index: number): string {
  const isRoot = index === 0
  const parent = `  parentId String
  parent ${model(parentOf(index))} @relation("${model(index)}", fields: [parentId], references: [id])\n`
  return `
model ${model(index)} {
  id String @id @default(uuid())
  /// @encrypted(searchable, normalize: [trim, lowercase])
  email String @unique
  /// @encrypted
  fullName String
  /// @encrypted
  birthDate DateTime?
${index % 2 === 0 ? '' : '  /// @encrypted\n  history Json?\n'}  title String
  rank Int @default(0)
  amount Decimal @default(0)
  status Status @default(OPEN)
  active Boolean @default(true)
  createdAt DateTime @default(now())
  updatedAt DateTime @updatedAt
${isRoot ? '' : parent}${childrenOf(index)
  .map((child) => `  ${property(child)}s ${model(child)}[] @relation("${model(child)}")\n`)
  .join('')}  /// @envelope${isRoot ? '' : '(bind: [parentId])'}
  envelope Json?
}
`
}
