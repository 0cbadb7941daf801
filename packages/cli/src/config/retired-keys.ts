import type { CliConfig } from './config.ts'

/** Names of the KMS keys that stand behind `minimumKey` in the keyring: applications refuse rows under them. */
export function retiredKeys({ keys, minimumKey }: Pick<CliConfig, 'keys' | 'minimumKey'>): ReadonlySet<string> {
  if (minimumKey === undefined) return new Set()
  const names = [keys.current, ...(keys.others ?? [])].map(({ name }) => name)
  return new Set(names.slice(names.indexOf(minimumKey) + 1))
}
