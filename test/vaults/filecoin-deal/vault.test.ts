import { describe, expect, it } from 'vitest'
import { samplePack } from '../../../src/conformance/fixture.ts'
import { vaultCases } from '../../../src/conformance/vault.ts'
import { codeOf } from '../code-of.ts'
import { DEAL, inDays, onChain, PROVIDER, SECTOR, watched } from './on-fake.ts'

const readAll = async (stream: AsyncIterable<Uint8Array> | undefined) => Array.fromAsync(stream ?? [])

describe('a vault that watches deals', () => {
  it('takes on a pack that is listed without sending a byte, and refuses every other one with what to do', async () => {
    const { vaultOf, pack } = await watched()
    const vault = vaultOf()
    const closed = { ...pack, open: () => expect.unreachable('the pack was read') }
    expect(await vault.put(closed)).toBe(await vault.locate(pack.name))
    await expect(vault.put(await samplePack({ seed: 'unlisted' }))).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(
        /only watches deals, and none is listed for pack bafy?\w+; make a deal .* add it at the end of `deals`/,
      ),
    })
    expect(await codeOf(vault.put(closed, { retain: { until: new Date('2030-01-01') } }))).toBe('unsupported')
  })

  it('does not take on a pack whose deal does not hold', async () => {
    const { vaultOf, pack, lotus } = await watched()
    lotus.claims.clear()
    await expect(vaultOf().put(pack)).rejects.toMatchObject({ code: 'unsupported', message: expect.stringContaining('has no claim 5') })
  })

  it('reads nothing, and says beforehand that nothing can be read', async () => {
    const { vaultOf, pack } = await watched()
    const vault = vaultOf()
    const at = (await vault.locate(pack.name)) ?? ''
    const [span] = await pack.spans()
    expect(await vault.warmth?.(at)).toEqual({ state: 'frozen' })
    expect(vault.profile).toMatchObject({ cold: true, canForget: false, paid: true })
    expect(vault.remove).toBeUndefined()
    await expect(readAll(span && vault.read(at, span))).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('fetch the piece from its provider'),
    })
  })

  it('knows no locator of another vault', async () => {
    const { vaultOf, pack } = await watched()
    const vault = vaultOf()
    for (const at of ['', 'packs/x.car', '314:1:2:bafkzcib:5', 'claim:f01234:5:baga:7', 'deal:99'])
      expect([
        await codeOf(vault.status(at)),
        await codeOf(vault.retention?.(at)),
        await codeOf(vault.renew?.(at, new Date())),
        await codeOf(readAll(vault.read(at, { cid: pack.root, offset: 0, length: 1 }))),
      ]).toEqual(['invalid', 'invalid', 'invalid', 'invalid'])
  })

  it('renews nothing itself, and says where to do it', async () => {
    const { vaultOf, pack, dateOf, lotus } = await watched()
    const vault = vaultOf()
    const at = (await vault.locate(pack.name)) ?? ''
    await expect(vault.renew?.(at, new Date(dateOf(inDays(lotus, 500))))).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/claim 5 of f01234 cannot be renewed from here until \d{4}-\d\d-\d\d: extend it where it was made/),
    })
    expect(await vault.renew?.(at, new Date(dateOf(inDays(lotus, 300))))).toBe(at)
  })

  it('goes over to another deal for the same piece that is listed and lasts', async () => {
    const { vaultOf, pack, dateOf, lotus, listed, piece } = await watched()
    const at = (await vaultOf().locate(pack.name)) ?? ''
    const vault = vaultOf({ deals: [listed.claim, listed.deal] })
    const until = new Date(dateOf(inDays(lotus, 500)))
    expect(await codeOf(vault.renew?.(at, until))).toBe('unsupported')
    onChain(lotus, piece, 600)
    expect(await vault.renew?.(at, until)).toBe(`deal:${DEAL}:${piece.v1}:${pack.byteLength}`)
    lotus.sectors.set(`${PROVIDER}/${SECTOR}`, { activation: 1, expiration: inDays(lotus, 600), state: 'terminated' })
    expect(await codeOf(vault.renew?.(at, until))).toBe('unsupported')
  })
})

/** Those that put and read packs of their own making cannot be asked of a vault that stores nothing. */
const APPLICABLE = ['the profile is complete and open can be called again']

describe('conformance of a vault that watches deals', () => {
  it.each(vaultCases.filter(({ name }) => APPLICABLE.includes(name)))('$name', async ({ run }) => {
    const { vaultOf } = await watched()
    await run({ vault: vaultOf(), pack: samplePack })
  })

  it('is asked of it where it applies', () => {
    expect(vaultCases.filter(({ name }) => APPLICABLE.includes(name))).toHaveLength(APPLICABLE.length)
  })
})
