import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import generatorHelper from '@prisma/generator-helper'

// prisma-field-encryption reads annotations from the DMMF at run time, and the DMMF in Prisma 7's clients has no comments: this generator, which
// Prisma starts, writes down the one that it is given.
generatorHelper.generatorHandler({
  onManifest: () => ({ prettyName: 'DMMF for prisma-field-encryption', defaultOutput: './generated/peer-dmmf' }),
  onGenerate: async ({ dmmf, generator }) => {
    const folder = generator.output?.value ?? ''
    if (folder === '') throw new Error('the generator has no output')
    await mkdir(folder, { recursive: true })
    const models = dmmf.datamodel.models.map(({ name, fields }) => ({
      name,
      fields: fields.map(({ name, type, isList, isUnique, isId, documentation }) => ({
        name,
        type,
        isList,
        isUnique,
        isId,
        documentation,
      })),
    }))
    await writeFile(join(folder, 'dmmf.ts'), `export const dmmf = ${JSON.stringify({ datamodel: { models } }, undefined, 2)}\n`)
  },
})
