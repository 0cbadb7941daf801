import type { CliResult } from './cli.ts'

interface Finding {
  readonly event: string
  readonly model: string
  readonly field?: string
  readonly primaryKey: Readonly<Record<string, string>>
  readonly code: string
}

/** The findings of `--json`, sorted: `Model.field {"id":"1"} CODE`. */
export function findingsOf({ events }: CliResult): readonly string[] {
  return (events as unknown as readonly Finding[])
    .filter(({ event }) => event === 'finding')
    .map(({ model, field, primaryKey, code }) => {
      const place = field === undefined ? model : `${model}.${field}`
      return `${place} ${JSON.stringify(primaryKey)} ${code}`
    })
    .sort((a, b) => (a < b ? -1 : 1))
}
