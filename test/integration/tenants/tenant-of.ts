import { anyContext, type ContextOf } from 'prisma-envelope'

/** The tenant that a client was made for; `*` sees all. */
export const tenantOf: ContextOf = (_, { settings: { tenant } }) =>
  tenant === '*' ? anyContext : tenant === undefined ? undefined : { tenant }
