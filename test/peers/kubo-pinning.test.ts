/** Kubo as a client of a pinning service: the service that the vault's own tests talk to, asked by somebody else's program. */
import { describe, expect, it } from 'vitest'
import { samplePack } from '../../src/conformance/fixture.ts'
import { assertHolds } from '../../src/conformance/vault-context.ts'
import { kubo } from '../../src/ipfs.ts'
import { fakePinning, pinsAt, vaultAt } from '../fakes/pinning-house.ts'
import { tempFolder } from '../flow/house.ts'
import { KUBO, startKubo } from './kubo-node.ts'

describe.skipIf(KUBO === '')('`ipfs pin remote` of a real Kubo', { timeout: 60_000 }, () => {
  it('has a root pinned by the service, which pulls every block from it, and unpins it', async () => {
    const fake = await fakePinning()
    const node = await startKubo(await tempFolder())
    const pack = await samplePack({ seed: 'remote', blocks: 20, blockLength: 20_000, linked: true })
    await kubo({ api: node.api }).put(pack)
    await node.ipfs('pin', 'remote', 'service', 'add', 'ours', fake.endpoint, fake.token)
    await node.ipfs('pin', 'remote', 'add', '--service=ours', '--name=by-kubo', '--background=false', `${pack.root}`)
    expect(await node.ipfs('pin', 'remote', 'ls', '--service=ours', '--name=by-kubo')).toContain(`${pack.root}\tpinned\tby-kubo`)
    expect([...fake.blocks.keys()].sort()).toEqual((await pack.spans()).map(({ cid }) => `${cid}`).sort())
    expect([...fake.pulled].sort()).toEqual([...fake.blocks.keys()].sort())

    const vault = vaultAt(fake)
    expect(await vault.status(`ipfs:${pack.root}`)).toBe('held')
    await assertHolds(vault, `ipfs:${pack.root}`, pack)

    await node.ipfs('pin', 'remote', 'rm', '--service=ours', '--name=by-kubo')
    expect(await pinsAt(fake)).toEqual([])
    expect(await node.ipfs('pin', 'remote', 'ls', '--service=ours')).toBe('')
  })

  it('is told that its token is wrong', async () => {
    const fake = await fakePinning()
    const node = await startKubo(await tempFolder())
    const pack = await samplePack({ seed: 'remote-denied', linked: true })
    await kubo({ api: node.api }).put(pack)
    await node.ipfs('pin', 'remote', 'service', 'add', 'ours', fake.endpoint, 'wrong')
    await expect(node.ipfs('pin', 'remote', 'add', '--service=ours', `${pack.root}`)).rejects.toThrow(/401|UNAUTHORIZED/)
    expect(await pinsAt(fake)).toEqual([])
  })
})
