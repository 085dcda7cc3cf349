import { describe, expect, it, onTestFinished } from 'vitest'
import type { VerifyOptions } from '../../../src/contracts.ts'
import { heliaNode, kubo, raceGateways, trustlessGateway } from '../../../src/ipfs.ts'
import { memory } from '../../../src/vaults/memory.ts'
import { observed, readOnly } from '../../../src/wrap/index.ts'
import { fakeKubo } from '../../fakes/kubo.ts'
import { fakePinning, pinningHouse, vaultAt } from '../../fakes/pinning-house.ts'
import { house, noise } from '../../flow/house.ts'

const BYTES = 5 * 1024 * 1024
/** Blocks of 256 KiB, and a node over them. */
const BLOCKS = 21
const SAMPLE: VerifyOptions = { sample: 5 }
const POLICY = { copies: 3, floor: 2, distinct: {} }

const detailsOf = ({ replicas }: { readonly replicas: readonly { readonly vault: string; readonly detail?: string }[] }, vault = 'ipfs') =>
  replicas.filter((replica) => replica.vault === vault).map(({ detail }) => detail)

const host = (url: string) => new URL(url).host

describe('evidence of blocks from IPFS says who was asked, for what, and what it leaves open', () => {
  it('of a gateway: also when it is intact, in the receipt and in reports', async () => {
    const { archive, fake } = await pinningHouse()
    const receipt = await archive.put(noise(BYTES), { profile: 'unixfs-v0-2015' })
    const said = new RegExp(
      `^${BLOCKS} blocks from gateway ${host(fake.gateway)} \\((\\w+), (\\w+), ${BLOCKS - 2} more\\); a cache may have answered`,
    )
    expect(detailsOf(receipt)).toEqual([expect.stringMatching(said)])
    const [, ...named] = said.exec(detailsOf(receipt)[0] ?? '') ?? []
    for (const cid of named) expect(fake.log.some((line) => line.includes(`/ipfs/${cid}?`))).toBe(true)
    const verified = await archive.verify(receipt.root, SAMPLE)
    // The root is asked for on top.
    expect(detailsOf(verified)[0]).toMatch(/^[56] blocks from gateway .*, [34] more\); a cache may have answered/)
    expect(detailsOf(verified, 'a')).toEqual([undefined])
  })

  it('of a gateway that lost blocks: the fault first, and no doubt about what did not come', async () => {
    const { archive, fake } = await pinningHouse()
    const { root } = await archive.put(noise(BYTES), { profile: 'unixfs-v0-2015' })
    fake.blocks.clear()
    const [detail] = detailsOf(await archive.verify(root, SAMPLE))
    expect(detail).toMatch(new RegExp(`HTTP 404.*; asked for [56] blocks from gateway ${host(fake.gateway)} `))
    expect(detail).not.toContain('cache')
  })

  it('of nodes by bitswap: their peer ids, without the doubt about caches between', async () => {
    const node = await heliaNode()
    onTestFinished(() => node.close())
    const { archive, fake } = await pinningHouse({}, { gateway: undefined, node })
    const receipt = await archive.put(noise(1000))
    const peer = fake.delegates[0]?.split('/p2p/')[1] ?? 'no peer'
    expect(detailsOf(receipt)[0]).toMatch(new RegExp(`^1 block from peer ${peer} by bitswap \\(\\w+\\); no cache lies between`))
    expect(detailsOf(receipt)[0]).not.toContain(node.peerId)
  })

  it('of a Kubo node: its peer id, its own store, and its gateway where blocks come from there', async () => {
    const node = await fakeKubo()
    onTestFinished(() => node[Symbol.asyncDispose]())
    const vault = kubo({ api: node.api })
    const { archive } = await house({
      vaults: [...['a', 'b'].map((id) => memory({ id, operator: id })), vault],
      policy: POLICY,
      timeoutMs: 5_000,
    })
    const id = `${(await vault.open?.())?.labels?.node}`
    const [detail] = detailsOf(await archive.put(noise(1000)), 'kubo')
    expect(detail).toMatch(new RegExp(`^1 block from Kubo node ${id} \\(\\w+\\); the node’s own store, read offline`))
    const byGateway = kubo({ api: node.api, gateway: 'http://127.0.0.1:8080' }).readsFrom?.('ipfs:bafy')
    expect(byGateway).toMatchObject({ from: `the gateway 127.0.0.1:8080 of Kubo node at ${host(node.api)}` })
    expect(byGateway?.doubt).toContain('at hand')
  })

  it('of a gateway without a name of its own', async () => {
    const fake = await fakePinning()
    const race = raceGateways([trustlessGateway(fake.gateway, { allowPrivate: true })])
    expect(vaultAt(fake, { gateway: race }).readsFrom?.('ipfs:bafy').from).toBe('a gateway that was handed in')
  })

  it('through wrappers, too', async () => {
    const vault = vaultAt(await fakePinning())
    const wrapped = readOnly(observed(vault, () => undefined))
    expect(wrapped.readsFrom?.('ipfs:bafy')).toEqual(vault.readsFrom?.('ipfs:bafy'))
  })
})
