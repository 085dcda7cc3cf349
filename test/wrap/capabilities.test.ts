import { describe, expect, it } from 'vitest'
import { samplePack } from '../../src/conformance/fixture.ts'
import type { Vault } from '../../src/contracts.ts'
import { memory } from '../../src/vaults/memory.ts'
import { limited } from '../../src/wrap/limited.ts'
import { observed } from '../../src/wrap/observed.ts'
import { readOnly } from '../../src/wrap/read-only.ts'
import { retrying } from '../../src/wrap/retrying.ts'
import { faulty, noFaults } from '../fakes/faulty.ts'

const wrappers: Readonly<Record<string, (vault: Vault) => Vault>> = {
  limited: (vault) => limited(vault, { concurrency: 1, bytesPerSecond: 1e9 }),
  observed: (vault) => observed(vault, () => undefined),
  readOnly,
  retrying: (vault) => retrying(vault),
  faulty: (vault) => faulty(vault, noFaults()),
}

/** Everything a vault can have; each capability answers with its own name. */
const able: Vault = {
  ...memory(),
  attest: async () => ({ verdict: 'proven', at: 1, detail: 'attest' }),
  quote: async (byteLength) => ({ amount: String(byteLength), currency: 'quote', per: 'once' }),
  renew: async (at, _, { legalHold } = {}) => `${at} renewed${legalHold ? ' and held' : ''}`,
  retention: async () => ({ until: new Date(17) }),
  warmth: async () => ({ state: 'frozen' }),
  thaw: async (_, { days }) => ({ state: 'readable', until: new Date(days) }),
  abandon: async () => undefined,
  close: async () => undefined,
}

const { open, list, remove, ...bare } = memory()

describe.each(Object.entries(wrappers))('%s', (_, wrap) => {
  it('keeps every capability of the vault and adds none', () => {
    expect(Object.keys(wrap(able)).sort()).toEqual(Object.keys(able).sort())
    expect(Object.keys(wrap(bare)).sort()).toEqual(Object.keys(bare).sort())
    expect(wrap(able).profile).toEqual(able.profile)
  })

  it('passes optional calls on with their arguments', async () => {
    const vault = wrap(able)
    const { name } = await samplePack()
    expect(await vault.open?.()).toEqual(able.profile)
    expect(await vault.attest?.('x', { name, seed: new Uint8Array() })).toMatchObject({ detail: 'attest' })
    expect(await vault.quote?.(17)).toMatchObject({ amount: '17' })
    if (wrap !== readOnly) expect(await vault.renew?.('x', new Date(), { legalHold: true })).toBe('x renewed and held')
    expect(await vault.retention?.('x')).toEqual({ until: new Date(17) })
    expect(await vault.warmth?.('x')).toEqual({ state: 'frozen' })
    expect(await vault.thaw?.('x', { days: 3 })).toEqual({ state: 'readable', until: new Date(3) })
    if (wrap !== readOnly) await vault.abandon?.(name)
    await vault.close?.()
  })
})

describe('readOnly', () => {
  it('denies put, remove, abandon and renew before the vault hears of them, and lets everything else through', async () => {
    const faults = noFaults()
    const pack = await samplePack()
    const vault = readOnly(faulty(able, faults))
    const at = await able.put(pack)
    await expect(vault.put(pack)).rejects.toMatchObject({ code: 'denied' })
    await expect(vault.remove?.(at)).rejects.toMatchObject({ code: 'denied' })
    await expect(vault.renew?.(at, new Date())).rejects.toMatchObject({ code: 'denied' })
    await expect(vault.abandon?.(pack.name)).rejects.toMatchObject({ code: 'denied' })
    expect(faults.calls).toEqual({})
    expect(await vault.locate(pack.name)).toBe(at)
  })
})
