import type { ModelReport } from './verify-model.ts'

/** What `verify` says to people in the end. */
export function verifyText(reports: readonly (ModelReport & { readonly findings: Readonly<Record<string, number>> })[]): string {
  return reports.flatMap(linesOf).join('\n')
}

function linesOf({
  model,
  rows,
  complete,
  sample,
  findings,
  unknownFields,
  against,
}: ModelReport & { readonly findings: Readonly<Record<string, number>> }): readonly string[] {
  const found = Object.entries(findings).map(([code, count]) => `${count} ${code}`)
  const chosen = {
    rows: ' chosen at random (each row alike)',
    blocks: ' chosen at random (of blocks chosen at random)',
    all: '',
  }[sample ?? 'all']
  const lines = [
    `${model}: ${rows} rows${chosen} verified${complete ? '' : ' (not finished)'}: ${found.length === 0 ? 'nothing found' : found.join(', ')}`,
  ]
  for (const [name, count] of Object.entries(unknownFields))
    lines.push(
      `  ${count} rows hold a sealed field ${JSON.stringify(name)}, which this schema does not know; it is carried along`,
    )
  if (against !== undefined) {
    const { equal, rounded, differing, onlyHere, onlyThere, unreadable } = against
    const there = sample === undefined ? `${onlyThere} there alone` : 'rows there alone were not looked for'
    lines.push(`  against the copy: ${equal} equal, ${differing} differ, ${onlyHere} here alone, ${there}`)
    if (rounded > 0) lines.push(`  ${rounded} rows are equal as Prisma Client reads them: the copy holds more digits`)
    if (unreadable > 0) lines.push(`  ${unreadable} rows could not be compared: a side could not be read`)
  }
  return lines
}
