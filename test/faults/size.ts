/** Whether fault tests run at their whole size (`pnpm test:faults`), or at one that the suite can afford. */
const full: boolean = process.env['FAULTS'] === 'full'

export function size<T>(sizes: { readonly full: T; readonly small: T }): T {
  return full ? sizes.full : sizes.small
}
