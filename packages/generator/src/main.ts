import generatorHelper from '@prisma/generator-helper'
import { generate } from './generate.ts'
import { describe } from './problems.ts'

const HINT = `prisma-envelope is a Prisma generator: \`prisma generate\` runs it. Add it to your schema:

  generator envelope {
    provider = "prisma-envelope"
    output   = "../generated/envelope"
  }

  model Patient {
    id       String @id @default(uuid())
    /// @encrypted
    fullName String
    /// @envelope
    envelope Json?
  }
`

const [argument] = process.argv.slice(2)
if (process.stdin.isTTY || argument !== undefined) {
  hint()
} else {
  serve()
}

function hint(): void {
  process.stderr.write(HINT)
  process.exitCode = argument === '--help' ? 0 : 1
}

/** Answers Prisma, which asks for the manifest first and never just closes the pipe. */
function serve(): void {
  let asked = false
  process.stdin.once('end', () => {
    if (!asked) hint()
  })
  generatorHelper.generatorHandler({
    onManifest: () => {
      asked = true
      return { prettyName: 'encryption plan', defaultOutput: '../generated/envelope' }
    },
    onGenerate: async (options) => {
      // Prisma keeps stderr for its protocol and shows stdout.
      for (const notice of await generate(options, process.env)) process.stdout.write(`prisma-envelope: ${describe(notice)}\n`)
    },
  })
}
