import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type SampleOptions, samplePack } from '../../../src/conformance/fixture.ts'
import { type VaultContext, vaultCases } from '../../../src/conformance/vault.ts'
import type { FilecoinDeal } from '../../../src/vaults/filecoin-deal.ts'
import { codeOf } from '../code-of.ts'
import { CLAIM, DEAL, inDays, onChain, PROVIDER, pieceIn, SECTOR, watched } from './on-fake.ts'

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

/** Every pack of a case is listed beforehand, with a claim on the chain. Nothing can be read, lost behind the vault's back or removed. */
async function listingContext(): Promise<VaultContext> {
  const { vaultOf, lotus } = await watched()
  const deals: FilecoinDeal[] = []
  let id = 100
  const pack = async (options?: SampleOptions) => {
    const sample = await samplePack(options)
    const { v1, size } = await pieceIn(sample)
    onChain(lotus, { v1, size })
    const claim = lotus.claims.get(`${PROVIDER}/${CLAIM}`)
    if (claim) lotus.claims.set(`${PROVIDER}/${++id}`, claim)
    const { name, byteLength, kind } = sample
    deals.push({ pack: name.toString(), pieceCid: v1, byteLength, claim: { provider: PROVIDER, id }, kind })
    return sample
  }
  const folder = await mkdtemp(join(tmpdir(), 'perdure-deals-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'deals.json')
  await writeFile(path, '[]')
  return {
    vault: vaultOf({ deals: path }),
    pack: async (options) => {
      const sample = await pack(options)
      await writeFile(path, JSON.stringify(deals))
      return sample
    },
  }
}

/** All others put and read back, remove, or lose bytes. */
const LISTED = [
  'the profile is complete and open can be called again',
  'warmth tells whether bytes come: of what is readable they do, of what is not the read says that a restore is needed',
]
const UNLISTED = [
  'a pack that was never put is absent as a value',
  'a pack put to be retained is retained and cannot be removed, or is refused as unsupported and not stored',
]
const casesOf = (names: readonly string[]) => vaultCases.filter(({ name }) => names.includes(name))

describe('conformance of a vault that watches deals', () => {
  it.each(casesOf(LISTED))('$name', async ({ run }) => {
    await run(await listingContext())
  })

  it.each(casesOf(UNLISTED))('$name', async ({ run }) => {
    await run({ vault: (await watched()).vaultOf(), pack: samplePack })
  })

  it('is asked of it where it applies', () => {
    expect(casesOf([...LISTED, ...UNLISTED])).toHaveLength(LISTED.length + UNLISTED.length)
  })
})
