import { expect, test } from 'vitest'
import { createBareClient, createEncryptedClient, extend } from '../../support/encrypted-client.ts'

const { database, sql, keys, indexKey } = await createEncryptedClient('default-isolation')

test.each(['repeatable read', 'serializable'])(
  'unique values are written where transactions are %s by default',
  async (level) => {
    await sql(`ALTER DATABASE "${new URL(database.url).pathname.slice(1)}" SET default_transaction_isolation = '${level}'`)
    // Connections that are there already keep the level that they began with.
    const bare = createBareClient(database)
    const client = (options: { mode: 'plain' | 'dual' }) => extend(bare, { keys, indexKey, ...options })
    const [plain, dual] = [client({ mode: 'plain' }), client({ mode: 'dual' })]
    const patient = (email: string) => ({ email, fullName: 'Ada', ward: 'A' })
    await plain.patient.create({ data: patient(`${level} plain`) })
    await dual.patient.create({ data: patient(`${level} dual`) })
    for (const email of [`${level} plain`, `${level} dual`]) {
      await expect(dual.patient.create({ data: patient(email) })).rejects.toMatchObject({ code: 'P2002' })
      await expect(plain.patient.create({ data: patient(email) })).rejects.toMatchObject({ code: 'P2002' })
    }
    await expect(
      dual.$transaction((tx) => tx.patient.create({ data: patient(`${level} own`) }), { isolationLevel: 'Serializable' }),
    ).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  },
)
