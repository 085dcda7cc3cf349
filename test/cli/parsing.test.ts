import { describe, expect, it } from 'vitest'
import { exitCodeOf, exitCodeOfPut, worseOf } from '../../src/cli/exit-codes.ts'
import { nearest } from '../../src/cli/nearest.ts'
import { parseCount, parseShare, parseSize } from '../../src/cli/options.ts'
import { parseReference } from '../../src/cli/reference.ts'

const ROOT = 'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e'

describe('sizes, counts and shares', () => {
  it.each([
    ['1500', 1500],
    ['64k', 65_536],
    ['64KiB', 65_536],
    ['1.5 GiB', 1.5 * 1024 ** 3],
    ['0', 0],
  ])('reads %s', (text, bytes) => expect(parseSize(text)).toBe(bytes))

  it.each(['', '-1', '1e3', '5 parsecs', '99999999999T', 'NaN'])('refuses %j as a size', (text) =>
    expect(() => parseSize(text)).toThrow(/size/),
  )
  it.each(['0', '-1', '1.5', '', 'x', '99999999999999999999'])('refuses %j as a count', (text) =>
    expect(() => parseCount(text)).toThrow(/whole number/),
  )
  it.each(['0', '1', '', 'x', '100%', '-0.5'])('refuses %j as a share', (text) => expect(() => parseShare(text)).toThrow(/between 0 and 1/))
  it('reads shares as numbers and per cent', () => expect([parseShare('0.99'), parseShare('99%')]).toEqual([0.99, 0.99]))
})

describe('references', () => {
  it.each([
    ['bafy', { root: 'bafy' }],
    ['bafy/', { root: 'bafy' }],
    ['bafy/a b/c', { root: 'bafy', path: 'a b/c' }],
    ['/ipfs/bafy/a', { root: 'bafy', path: 'a' }],
    [`ipfs://${ROOT}/a/`, { root: ROOT, path: 'a' }],
    [`ipfs://${ROOT}`, { root: ROOT }],
    [`https://gw.example/ipfs/${ROOT}/a%20b/c?format=raw#top`, { root: ROOT, path: 'a b/c' }],
    [`https://${ROOT}.ipfs.gw.example/a`, { root: ROOT, path: 'a' }],
    ['bafy/100%.txt', { root: 'bafy', path: '100%.txt' }],
  ])('reads %s', (text, reference) => expect(parseReference(text)).toEqual(reference))

  it('refuses one without a root', () => expect(() => parseReference('/a')).toThrow(/names no object/))
})

describe('exit codes', () => {
  it('follow the state', () => {
    const states = ['satisfied', 'degraded', 'unknown', 'damaged', 'at-risk', 'lost'] as const
    expect(states.map(exitCodeOf)).toEqual([0, 3, 4, 5, 6, 6])
  })

  it('keep the worse of two states, in either order', () => {
    expect(worseOf('degraded', 'unknown')).toBe('unknown')
    expect(worseOf('unknown', 'degraded')).toBe('unknown')
    expect(worseOf('lost', 'at-risk')).toBe('lost')
  })

  it('of a put are 0 only when the plan was completed, or when only acceptance was asked for', () => {
    expect([
      exitCodeOfPut(true, 'policy'),
      exitCodeOfPut(false, 'policy'),
      exitCodeOfPut(false, 'floor'),
      exitCodeOfPut(false, 'accepted'),
    ]).toEqual([0, 3, 3, 0])
  })
})

describe('nearest', () => {
  it('finds what was meant and nothing that was not', () => {
    expect(nearest('Copeis', ['copies', 'floor'])).toBe('copies')
    expect(nearest('zebra', ['copies', 'floor'])).toBeUndefined()
  })
})
