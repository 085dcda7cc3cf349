import { describe, expect, it } from 'vitest'
import { samplePack } from '../../src/conformance/fixture.ts'
import { readAll } from '../../src/conformance/vault-context.ts'
import { VaultError } from '../../src/errors.ts'
import { memory } from '../../src/vaults/memory.ts'

describe('memory', () => {
  it('has the profile of this process unless told otherwise', () => {
    expect(memory().profile).toMatchObject({
      id: 'memory',
      network: 'local',
      operator: 'this-process',
      canForget: true,
      addressing: 'offset',
    })
    expect(memory({ id: 'pins', network: 'ipfs', addressing: 'cid', paid: true }).profile).toMatchObject({
      id: 'pins',
      network: 'ipfs',
      operator: 'this-process',
      addressing: 'cid',
      paid: true,
    })
  })

  it('cannot remove when it cannot forget', () => {
    expect(memory().remove).toBeDefined()
    expect(memory({ canForget: false }).remove).toBeUndefined()
  })

  it('shows damage done to the store that was handed in, and nothing of it in the profile', async () => {
    const store = new Map<string, Uint8Array>()
    const vault = memory({ store })
    const pack = await samplePack()
    const at = await vault.put(pack)
    const [span] = await pack.spans()
    const kept = store.get(at)
    if (!kept || !span) return expect.unreachable()
    kept.fill(0, span.offset, span.offset + 1)
    expect((await readAll(vault, at, span))[0]).toBe(0)
    expect(vault.profile).not.toHaveProperty('store')
  })

  it('replaces a pack of which only a part is there', async () => {
    const store = new Map<string, Uint8Array>()
    const vault = memory({ store })
    const pack = await samplePack()
    const at = await vault.put(pack)
    store.set(at, pack.bytes.slice(0, 10))
    await vault.put(pack)
    expect(store.get(at)?.byteLength).toBe(pack.byteLength)
  })

  it('refuses an id that no receipt could carry', () => {
    for (const id of ['', 'A', 'a b', '-a', '../a']) expect(() => memory({ id })).toThrow(VaultError)
  })
})
