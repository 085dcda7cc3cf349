import { describe, expect, it } from 'vitest'
import { PolicyError } from '../../src/errors.ts'
import { checkReach, evidenceRulesFor, resolvePolicy } from '../../src/policy/policy.ts'
import { ipfs, policyOf, vault } from './fixtures.ts'

const refused = (work: () => unknown): PolicyError => {
  try {
    work()
  } catch (error) {
    if (error instanceof PolicyError) return error
    throw error
  }
  throw new PolicyError('invalid', 'nothing was refused')
}

/** As it comes from a JSON file, where no compiler has looked. */
const fromJson = (text: string) => resolvePolicy(JSON.parse(text))

describe('resolvePolicy', () => {
  it('fills in the defaults', () => {
    expect(resolvePolicy(undefined)).toEqual({
      copies: 2,
      floor: 1,
      distinct: {},
      evidence: { accept: ['sampled', 'whole'], maxAgeDays: 30 },
      overrides: {},
      graceDays: 3,
    })
  })

  it('keeps what is given and fills in the rest', () => {
    const policy = resolvePolicy({ copies: 3, evidence: { maxAgeDays: 7 } })
    expect(policy).toMatchObject({ copies: 3, floor: 1, evidence: { accept: ['sampled', 'whole'], maxAgeDays: 7 } })
  })

  it('raises copies that were left out to what floor and distinct demand', () => {
    expect(resolvePolicy({ floor: 3 }).copies).toBe(3)
    expect(resolvePolicy({ distinct: { region: 4 } }).copies).toBe(4)
  })

  it('completes an override from the evidence rules of the policy', () => {
    const policy = fromJson('{"evidence":{"maxAgeDays":10},"overrides":{"glacier":{"accept":["listed"]}}}')
    expect(evidenceRulesFor(policy, 'glacier')).toEqual({ accept: ['listed'], maxAgeDays: 10 })
    expect(evidenceRulesFor(policy, 'other')).toBe(policy.evidence)
    expect(evidenceRulesFor(policy, 'constructor')).toBe(policy.evidence)
  })

  it.each([
    ['{"copies":1.5}', 'policy.copies is 1.5'],
    ['{"copies":0,"floor":0}', 'policy.copies is 0'],
    ['{"floor":-1}', 'policy.floor is -1'],
    ['{"floor":"2"}', 'policy.floor is "2"'],
    ['{"copies":1,"floor":2}', 'at least the floor, 2'],
    ['{"copies":2,"distinct":{"region":3}}', 'policy.distinct.region, 3'],
    ['{"distinct":{"region":-1}}', 'policy.distinct.region is -1'],
    ['{"distinct":["region"]}', 'policy.distinct is ["region"]'],
    ['{"distinct":{"":1}}', 'needs the name'],
    ['{"evidence":{"accept":[]}}', 'policy.evidence.accept is []'],
    ['{"evidence":{"accept":"sampled"}}', 'policy.evidence.accept is "sampled"'],
    ['{"evidence":{"accept":["pinned"]}}', 'policy.evidence.accept is "pinned"'],
    ['{"evidence":{"maxAgeDays":0}}', 'policy.evidence.maxAgeDays is 0'],
    ['{"evidence":{"maxAgeDays":-3}}', 'policy.evidence.maxAgeDays is -3'],
    ['{"evidence":{"maxAge":3}}', 'policy.evidence.maxAge is not a setting'],
    ['{"overrides":{"a":{"accept":["x"]}}}', 'policy.overrides.a.accept is "x"'],
    ['{"graceDays":-1}', 'policy.graceDays is -1'],
    ['{"graceDays":"soon"}', 'policy.graceDays is "soon"'],
    ['{"copeis":2}', 'policy.copeis is not a setting'],
    ['[]', 'policy is []'],
  ])('refuses %s and names the value', (text, message) => {
    const error = refused(() => fromJson(text))
    expect(error.code).toBe('invalid')
    expect(error.message).toContain(message)
  })

  it('refuses numbers that JSON cannot hold', () => {
    expect(refused(() => resolvePolicy({ copies: Number.NaN })).message).toContain('policy.copies is NaN')
    expect(refused(() => resolvePolicy({ graceDays: Number.POSITIVE_INFINITY })).message).toContain('policy.graceDays is Infinity')
  })
})

describe('checkReach', () => {
  it('accepts vaults whose operators reach the floor', () => {
    expect(() => checkReach(policyOf({ floor: 2 }), [vault('a'), vault('b'), ipfs('pin')])).not.toThrow()
  })

  it('counts two directories on one device once and says so', () => {
    const error = refused(() =>
      checkReach(policyOf({ floor: 2 }), [vault('a', { operator: 'device-7' }), vault('b', { operator: 'device-7' })]),
    )
    expect(error.code).toBe('unreachable-floor')
    expect(error.message).toMatch(/2 distinct operators.*have 1: device-7.*a \(local, device-7\), b .*device-…/)
  })

  it('counts IPFS as zero', () => {
    const error = refused(() => checkReach(policyOf({ floor: 2 }), [vault('a'), ipfs('pin')]))
    expect(error.message).toContain('IPFS counts zero')
  })

  it.each([0, 1])('refuses vaults that are all on IPFS with a floor of %i', (floor) => {
    const error = refused(() => checkReach(policyOf({ floor }), [ipfs('pin'), ipfs('pin2')]))
    expect(error.code).toBe('unreachable-floor')
    expect(error.message).toContain('never trusted alone')
  })

  it('refuses an archive without vaults', () => {
    expect(refused(() => checkReach(policyOf({ floor: 0 }), [])).message).toContain('no vault is configured')
  })
})
