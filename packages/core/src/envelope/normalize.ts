import type { Normalization } from '../plan.ts'

/** `gc=Cs` under the `u` flag matches lone surrogates only: pairs are one code point there. */
const LONE_SURROGATE = /\p{Surrogate}/gu

/**
 * None of these depends on the process's locale; all depend on the Unicode version of the engine (`docs/format.md`, "Normalization", says what follows
 * from that). `toLocaleLowerCase` would make tokens differ between machines.
 */
const STEPS: Readonly<Record<Normalization, (text: string) => string>> = {
  trim: (text) => text.trim(),
  lowercase: (text) => text.toLowerCase(),
  nfc: (text) => text.normalize('NFC'),
  nfkc: (text) => text.normalize('NFKC'),
}

/** The form of a value that enters its token: lone surrogates replaced by U+FFFD, then the annotation's steps in their order. */
export function normalize(value: string, steps: readonly Normalization[]): string {
  let text = value.replace(LONE_SURROGATE, '\uFFFD')
  for (const step of steps) text = STEPS[step](text)
  return text
}
