import type { Command } from 'commander'
import { retiredKeys } from '../config/retired-keys.ts'
import { EXIT } from '../exit-code.ts'
import type { Program } from '../program.ts'
import { assertPermitted } from '../rows/permissions.ts'
import { inspectTable, selectedModels, type Table } from '../rows/table.ts'
import { type Census, takeCensus } from '../status/census.ts'
import { type Forecast, forecast, measureSealing, PRICE_SOURCE } from '../status/forecast.ts'
import { statusText } from '../status/status-text.ts'
import { throwAwayKeys } from '../status/throw-away-keys.ts'
import type { CommonOptions } from './context.ts'

interface StatusOptions extends CommonOptions {
  readonly estimate?: boolean
}

export function addStatus({ commander, run }: Program): void {
  commander
    .command('status')
    .summary('how many rows are encrypted, under which keys, and what is left')
    .description(
      'Counts rows by what they hold and by their keys, and forecasts what encrypting the rest takes. Reads only, asks no KMS, and opens nothing: whether rows open, `verify` tells.',
    )
    .argument('[names...]', 'models, or fields as Model.field; all if none is given')
    .option('--estimate', 'from a sample of large tables, instead of reading all rows')
    .action((names: string[], _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<StatusOptions>()
      return run(options, 1, async ({ config, sql, output, stop }) => {
        const tables: { readonly table: Table; readonly names: ReadonlySet<string> }[] = []
        for (const [model, fields] of selectedModels(config.models, names)) {
          const plan = config.models[model]
          if (plan === undefined) continue
          const table = await inspectTable(sql, model, plan)
          await assertPermitted(sql, table, fields, false)
          tables.push({ table, names: fields })
        }
        const keys = await throwAwayKeys()
        const retired = retiredKeys(config)
        const models: (Census & { readonly retired?: number; readonly left: Forecast })[] = []
        const texts: string[] = []
        for (const { table, names: chosen } of tables) {
          if (stop.aborted) return EXIT.interrupted
          const fields = table.fields.filter(({ name }) => chosen.has(name))
          const { census, widths } = await takeCensus(sql, table, fields, options.estimate === true, config.keyStore)
          const sealing = await measureSealing(sql, keys, table, fields, widths.values)
          const left = forecast(census, widths, sealing, fields, config)
          const isRetired = (names: readonly string[]): boolean => names.every((name) => retired.has(name))
          const rows = census.byKey.reduce((sum, { keys: names, rows: n }) => sum + (isRetired(names) ? n : 0), 0)
          models.push({ ...census, ...(retired.size > 0 && { retired: rows }), left })
          texts.push(statusText(census, left, isRetired))
        }
        output.result(texts.join('\n'), {
          command: 'status',
          wrap: config.wrap ?? (config.keyStore === undefined ? 'branch' : 'stored'),
          price: PRICE_SOURCE,
          models,
        })
        return EXIT.done
      })
    })
}
