import { describe, expect, it } from 'vitest'
import { explain } from '../../src/policy/explain.ts'
import { ipfs, policyOf, vault } from './fixtures.ts'

const explained = (vaults: Parameters<typeof explain>[0]['vaults'], policy = policyOf()) => explain({ policy, vaults, packBytes: 50 })
const notesOf = (found: ReturnType<typeof explain>, id: string) => found.vaults.find((vault) => vault.id === id)?.notes.join('\n') ?? ''

describe('explain', () => {
  it('has nothing to say of plain vaults that meet the policy', () => {
    const found = explained([vault('a'), vault('b')])
    expect(found).toMatchObject({ satisfiable: true, chosen: ['a', 'b'], unmet: [], notes: [] })
    expect(found.vaults).toEqual(['a', 'b'].map((id) => ({ id, countsTowardFloor: true, eligible: true, notes: [] })))
  })

  it('names the constraint that cannot be met and what to add', () => {
    const found = explained([vault('a')])
    expect(found.satisfiable).toBe(false)
    expect(found.unmet).toMatchObject([{ constraint: 'copies', wanted: 2, found: 1 }])
    expect(found.notes.join()).toMatch(/copies cannot be met: .*add 1 more vault/)
  })

  it('says that IPFS adds nothing to floor and distinct', () => {
    const found = explained([vault('a'), ipfs('pin')])
    expect(found.vaults[1]).toMatchObject({ countsTowardFloor: false, eligible: true })
    expect(notesOf(found, 'pin')).toContain('adds nothing to the floor or to distinct')
  })

  it('says that an archive of IPFS alone is refused', () => {
    expect(explained([ipfs('pin')], policyOf({ floor: 0 })).notes.join()).toContain('never trusted alone')
    expect(explained([]).notes).toContain('no vault is configured')
  })

  it('names vaults that share a device or an operator', () => {
    const shared = { operator: 'device-7', labels: { device: '7' } }
    const { notes } = explained([vault('a', shared), vault('b', shared), vault('c')])
    expect(notes.join('\n')).toMatch(/a, b share device 7: one failure domain.*\n.*a, b share operator device-7: they count once/)
  })

  it('shows an override as weaker only when it is', () => {
    const overrides = {
      a: { accept: ['listed' as const], maxAgeDays: 30 },
      b: { accept: ['sampled' as const], maxAgeDays: 90 },
      c: { accept: ['whole' as const], maxAgeDays: 10 },
      gone: { accept: ['whole' as const], maxAgeDays: 10 },
    }
    const found = explained([vault('a'), vault('b'), vault('c')], policyOf({ overrides }))
    expect(notesOf(found, 'a')).toContain('weaker evidence: accepts listed')
    expect(notesOf(found, 'b')).toContain('weaker evidence: accepted for 90 days')
    expect(notesOf(found, 'c')).toBe('')
    const strict = explained([vault('c')], policyOf({ evidence: { accept: ['sampled'] }, overrides: { c: overrides.c } }))
    expect(notesOf(strict, 'c')).toBe('')
    expect(found.notes.join()).toContain('policy.overrides.gone names a vault that is not configured')
  })

  it('says when a vault is cold, and whether it could ever count', () => {
    const vaults = [vault('a', { cold: true }), vault('b')]
    expect(notesOf(explained(vaults), 'a')).toContain('will not count')
    const overrides = { a: { accept: ['listed' as const], maxAgeDays: 30 } }
    const found = notesOf(explained(vaults, policyOf({ overrides })), 'a')
    expect(found).toContain('cold: ')
    expect(found).not.toContain('will not count')
  })

  it('says when a vault cannot forget, must be renewed, is too small, or states no value that is demanded', () => {
    const vaults = [vault('a', { canForget: false, term: 'renewable', maxPackBytes: 49 }), vault('b', { region: 'n' })]
    const found = explained(vaults, policyOf({ distinct: { region: 1 } }))
    expect(found.vaults[0]?.eligible).toBe(false)
    for (const words of ['cannot forget', 'renewable', 'up to 49 bytes', 'states no region']) expect(notesOf(found, 'a')).toContain(words)
    expect(notesOf(found, 'b')).toBe('')
  })
})
