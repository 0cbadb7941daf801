/** Text in which `*` stands for any characters and `?` for one, as in IAM's policies. */
export function wildcards(pattern: string, flags: '' | 'i' = ''): (text: string) => boolean {
  const source = pattern
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  const expression = new RegExp(`^${source}$`, `su${flags}`)
  return (text) => expression.test(text)
}

/** Parts of an ARN that colons divide; the last one, the resource, may hold further colons. */
const ARN_PARTS = 6

/**
 * `*`, or an ARN in each of whose six parts wildcards may stand.
 *
 * @returns undefined for what is neither
 */
export function arnPattern(pattern: string): ((arn: string) => boolean) | undefined {
  if (pattern === '*') return () => true
  const parts = splitArn(pattern)
  if (parts === undefined || parts[0] !== 'arn') return undefined
  const matchers = parts.map((part) => wildcards(part))
  return (arn) => splitArn(arn)?.every((part, at) => matchers[at]?.(part)) ?? false
}

function splitArn(arn: string): readonly string[] | undefined {
  const parts = arn.split(':')
  if (parts.length < ARN_PARTS) return undefined
  return [...parts.slice(0, ARN_PARTS - 1), parts.slice(ARN_PARTS - 1).join(':')]
}
