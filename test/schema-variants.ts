/** The Prisma majors and client generators that the whole integration suite runs on. */
export type Variant = '7' | '7-js' | '6'
export const variants: readonly Variant[] = ['7', '7-js', '6']

/** Paths from `test/`: where a variant's clients are generated, and where its own `prisma` and `@prisma/client` are installed. */
export const layout: Readonly<Record<Variant, { readonly generated: string; readonly packages: string }>> = {
  '7': { generated: 'generated/7', packages: '.' },
  '7-js': { generated: 'generated/7-js', packages: '.' },
  '6': { generated: 'prisma6/generated', packages: 'prisma6' },
}

const options: Readonly<Record<Variant, string>> = {
  '7': 'provider = "prisma-client"\n  runtime = "nodejs"\n  moduleFormat = "esm"\n  importFileExtension = "ts"',
  '7-js': 'provider = "prisma-client-js"',
  '6': 'provider = "prisma-client-js"\n  engineType = "client"',
}

/** The schema for a variant, to be put into a folder of its own beside the outputs `client` and `envelope`. */
export function forVariant(schema: string, variant: Variant): string {
  const outputs = schema
    .replace(/^generator client \{[^}]*\}/m, `generator client {\n  ${options[variant]}\n  output = "../client"\n}`)
    .replace(/^(generator envelope \{[^}]*output\s*=\s*)"[^"]*"/m, '$1"../envelope"')
  // Prisma 7 forbids what 6 demands.
  return variant === '6' ? outputs.replace(/^datasource db \{/m, '$&\n  url = env("DATABASE_URL")') : outputs
}

/** The same models as plain Prisma has them: no annotations, no envelope, output `plain`. */
export function withoutEncryption(schema: string): string {
  return schema
    .replace(/^generator envelope \{[^}]*\}/m, '')
    .replace('"../client"', '"../plain"')
    .replace(/^\s*\/\/\/ @envelope\b.*\n.*\n/gm, '')
    .replace(/^.*\/\/\/ @envelope\b.*\n/gm, '')
    .replace(/\/\/\/ @encrypted.*$/gm, '')
}
