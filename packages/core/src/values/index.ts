export { bindValue } from './bind.ts'
export { compileCodec } from './codec.ts'
export type { Bind, CompileCodec, FieldCodec, PrismaNamespace } from './contract.ts'
