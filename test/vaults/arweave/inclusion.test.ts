import { describe, expect, it } from 'vitest'
import { VaultError } from '../../../src/errors.ts'
import { agreed, standingOf, type Word } from '../../../src/vaults/arweave/inclusion.ts'
import { networkOf } from '../../../src/vaults/arweave/network.ts'

const A = 'a'.repeat(64)
const B = 'b'.repeat(64)
const mined = (block: string, depth: number): Word => ({ state: 'mined', block, height: 7, depth })
const pending: Word = { state: 'pending' }
const absent: Word = { state: 'absent' }
const silent = new VaultError('unreachable', 'v', 'silence')
const denied = new VaultError('denied', 'v', 'refused')

/** As many gateways as there are words; a VaultError is one that gave none. */
function together(words: readonly (Word | VaultError)[]) {
  const network = networkOf(
    'v',
    words.map((_, n) => `https://g${n}.example`),
    { timeoutMs: 1, fetch },
  )
  const heard = words.flatMap((value, n) => {
    const node = network.nodes[n]
    return value instanceof VaultError || !node ? [] : [{ node, value }]
  })
  return agreed(network, { heard, failed: words.filter((word) => word instanceof VaultError) })
}

describe('what gateways agree on', () => {
  it.each<[string, readonly (Word | VaultError)[], object]>([
    ['two name one block: the lesser depth', [mined(A, 12), mined(A, 10), absent], { state: 'mined', block: A, depth: 10, agreeing: 2 }],
    ['all three do', [mined(A, 3), mined(A, 3), mined(A, 4)], { state: 'mined', depth: 3, agreeing: 3 }],
    ['two name one block and the third another', [mined(A, 9), mined(B, 60), mined(A, 9)], { state: 'mined', block: A, agreeing: 2 }],
    ['each names another block', [mined(A, 9), mined(B, 9), absent], { state: 'unsure' }],
    ['two and two', [mined(A, 9), mined(B, 9), mined(A, 9), mined(B, 9)], { state: 'unsure' }],
    ['one names a block, the others none', [mined(A, 60), absent, absent], { state: 'unsure' }],
    ['one names a block, the others wait', [mined(A, 1), pending, pending], { state: 'unsure' }],
    ['one waits, the others know nothing', [pending, absent, absent], { state: 'pending' }],
    ['two know nothing', [absent, absent, silent], { state: 'absent' }],
    ['one knows nothing and the others are silent', [absent, silent, silent], { state: 'unsure' }],
    ['nobody answers', [silent, silent, silent], { state: 'unsure' }],
    ['a single gateway', [mined(A, 60)], { state: 'mined', agreeing: 1 }],
    ['a single gateway that knows nothing', [absent], { state: 'absent' }],
    ['one of two', [mined(A, 60), silent], { state: 'unsure' }],
  ])('%s', (_, words, expected) => expect(together(words)).toMatchObject(expected))

  it('is a standing: ten deep is held, less is settling, doubt is thrown and never absence', () => {
    expect(standingOf(together([mined(A, 10), mined(A, 11)]), 'v')).toBe('held')
    expect(standingOf(together([mined(A, 9), mined(A, 11)]), 'v')).toBe('settling')
    expect(standingOf(together([pending, absent]), 'v')).toBe('settling')
    expect(standingOf(together([absent, absent]), 'v')).toBe('absent')
    expect(() => standingOf(together([absent, silent]), 'v')).toThrow(expect.objectContaining({ code: 'unreachable' }))
    expect(() => standingOf(together([absent, denied]), 'v')).toThrow(expect.objectContaining({ code: 'denied' }))
  })
})
