export { bindValue } from './bind.ts'
export { compileCodec } from './codec.ts'
