import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { mayBeChance, withoutChance } from './chance.ts'
import type { Hit } from './database-scan.ts'

const random = (bytes: number): string => randomBytes(bytes).toString('base64')
const envelope = { v: 1, kid: 'pii', fs: 'k3Zt', wk: random(201), dek: random(60), ct: random(300) }
const hit = (id: string, doubtful: boolean): Hit => ({ table: 'Patient', id, column: 'envelope', value: 'London', doubtful })

describe('chance', () => {
  it('is possible for a short word in ciphertext only', () => {
    const text = JSON.stringify({ ...envelope, ct: `${random(90)}London${random(90)}`.replaceAll('=', 'A') })
    expect(mayBeChance(text, 'London')).toBe(true)
    expect(mayBeChance(JSON.stringify({ ...envelope, ct: `${random(90)}Middlesbrough` }), 'Middlesbrough')).toBe(false)
    expect(mayBeChance(JSON.stringify({ ...envelope, ct: 'London' }), 'London')).toBe(false)
    expect(mayBeChance(JSON.stringify({ ...envelope, hint: 'London' }), 'London')).toBe(false)
    expect(mayBeChance(JSON.stringify({ ...envelope, ct: Buffer.from('in London').toString('base64') }), 'London')).toBe(false)
  })

  it('excuses a hit that is gone when its row was sealed anew', async () => {
    const sealed: string[] = []
    const sealAnew = async ({ id }: Hit): Promise<void> => void sealed.push(id)
    const outcome = await withoutChance([hit('1', true), hit('2', true), hit('3', false)], sealAnew, async () => [hit('2', true)])
    expect(sealed).toEqual(['1', '2'])
    expect(outcome).toEqual({ hits: [hit('2', true), hit('3', false)], chance: 1 })
  })

  it('is not looked for where nothing is doubtful', async () => {
    const never = (): never => {
      throw new Error('not needed')
    }
    expect(await withoutChance([hit('3', false)], never, never)).toEqual({ hits: [hit('3', false)], chance: 0 })
  })
})
