export { bindValue } from './bind.ts'
export { compileCodec } from './codec.ts'
export { arrayLiteral, type ColumnText, compileColumnText } from './column-text.ts'
