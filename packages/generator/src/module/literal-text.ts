const WIDTH = 120
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/

/** A value of plain data as a JavaScript literal, short parts on one line. The same text on every machine. */
export function literalText(value: unknown, indent = ''): string {
  const line = onOneLine(value)
  if (indent.length + line.length <= WIDTH || typeof value !== 'object' || value === null) return line
  const deeper = `${indent}  `
  if (Array.isArray(value)) {
    return `[\n${value.map((item) => `${deeper}${literalText(item, deeper)},\n`).join('')}${indent}]`
  }
  const entries = Object.entries(value).map(([key, item]) => `${deeper}${keyText(key)}: ${literalText(item, deeper)},\n`)
  return `{\n${entries.join('')}${indent}}`
}

function onOneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, item]) => `${keyText(key)}: ${onOneLine(item)}`)
    return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`
  }
  return typeof value === 'string' ? stringText(value) : JSON.stringify(value)
}

export function stringText(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
}

export function keyText(key: string): string {
  // In a literal, a plain `__proto__:` would set the prototype.
  if (key === '__proto__') return `['__proto__']`
  return IDENTIFIER.test(key) ? key : stringText(key)
}
