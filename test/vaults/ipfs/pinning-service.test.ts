import { describe, expect, it } from 'vitest'
import type { Pack, Vault } from '../../../src/contracts.ts'
import { addressOf, DAG_PB, RAW, toCID } from '../../../src/format/address.ts'
import { heliaNode, pinningService } from '../../../src/ipfs.ts'
import { pinningClient } from '../../../src/vaults/ipfs/pinning/client.ts'
import { memory } from '../../../src/vaults/memory.ts'
import { keyOf } from '../../fakes/pinning/blocks.ts'
import { queuesForEver } from '../../fakes/pinning/lies.ts'
import { fakePinning, pinningHouse, pinsAt, vaultAt } from '../../fakes/pinning-house.ts'
import { bytesOf, house, noise } from '../../flow/house.ts'

const MIB = 1024 * 1024
const at = (root: string) => `ipfs:${root}`

/** A pack of one block that is its own DAG. */
function packOf(bytes: Uint8Array, { serves = true } = {}): Pack & Required<Pick<Pack, 'dag'>> {
  const root = addressOf(bytes, RAW)
  const has = async (cid: typeof root) => serves && cid.equals(root)
  return {
    name: root,
    kind: 'content',
    root,
    byteLength: bytes.byteLength,
    async *open() {
      yield bytes
    },
    spans: async () => [{ cid: root, offset: 0, length: bytes.byteLength }],
    dag: async () => ({
      root,
      blockCount: 1,
      byteLength: bytes.byteLength,
      async *car() {
        yield bytes
      },
      has,
      block: async (cid) => ((await has(cid)) ? bytes : undefined),
    }),
  }
}

const readAll = (vault: Vault, pack: Pack) =>
  bytesOf(vault.read(at(`${pack.root}`), { cid: pack.root, offset: 0, length: pack.byteLength }))

describe('the life of an object at a pinning service', () => {
  it('is pulled by bitswap, verified, repaired after blocks were lost, and unpinned with the object', async () => {
    const { archive, fake, pins } = await pinningHouse()
    const receipt = await archive.put(noise(5 * MIB), { profile: 'unixfs-v0-2015' })
    expect(receipt.state).toBe('satisfied')
    expect(receipt.replicas.find(({ vault }) => vault === 'ipfs')).toMatchObject({ verdict: 'intact', retrieval: 'whole', counts: true })
    expect(await pins()).toMatchObject([{ status: 'pinned', pin: { cid: receipt.root } }])
    expect(fake.pulled).toContain(keyOf(toCID(receipt.root)))
    const before = fake.pulled.length

    const verified = await archive.verify(receipt.root)
    expect(verified.state).toBe('satisfied')
    for (const key of [...fake.blocks.keys()].slice(1)) fake.blocks.delete(key)
    expect((await archive.verify(receipt.root, { level: 'whole' })).replicas.find(({ vault }) => vault === 'ipfs')?.counts).toBe(false)
    const repaired = await archive.repair(receipt.root)
    expect(repaired.state).toBe('satisfied')
    expect(fake.pulled.length).toBeGreaterThan(before)
    expect(await pins()).toHaveLength(1)

    await archive.rm(receipt.root)
    expect(await pins()).toEqual([])
    expect(fake.blocks.size).toBe(0)
  })

  it('is one pin however often it is put, and of however many packs', async () => {
    const { archive, pins, reopen } = await pinningHouse()
    const content = noise(MIB)
    const { root } = await archive.put(content)
    await archive.put(content)
    const again = await reopen()
    await again.put(content)
    expect(await pins()).toMatchObject([{ status: 'pinned', pin: { cid: root } }])
  })

  it('serves nothing any more once it was put', async () => {
    const node = await heliaNode()
    const { archive } = await pinningHouse({}, { node })
    const { root } = await archive.put(noise(1000))
    const other = await heliaNode({ bootstrap: node.addresses })
    await expect(other.fetch(toCID(root), { from: node.peerId })).rejects.toMatchObject({ code: 'absent' })
    await other.close()
    await archive.close()
    // It was given, so it is not the vault's to close.
    expect(node.addresses).not.toEqual([])
    await expect(heliaNode({ bootstrap: node.addresses }).then((each) => each.close())).resolves.toBeUndefined()
    await node.close()
  })
})

describe('put', () => {
  it('finds what a dead run had pinned, and asks for no second pin', async () => {
    const fake = await fakePinning()
    const pack = packOf(noise(1000))
    expect(await vaultAt(fake).put(pack)).toBe(at(`${pack.root}`))
    const posts = fake.log.filter((line) => line.startsWith('POST')).length
    const vault = vaultAt(fake)
    expect(await vault.locate(pack.name, { root: pack.root })).toBe(at(`${pack.root}`))
    expect(await vault.put(pack)).toBe(at(`${pack.root}`))
    expect(fake.log.filter((line) => line.startsWith('POST'))).toHaveLength(posts)
  })

  it('takes the place of a request that a dead run left in the queue', async () => {
    const fake = await fakePinning(queuesForEver())
    const pack = packOf(noise(1000))
    await pinningClient(fake).add({
      cid: `${pack.root}`,
      origins: ['/ip4/127.0.0.1/tcp/9/p2p/12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo'],
    })
    const vault = vaultAt(fake)
    expect(await vault.locate(pack.name, { root: pack.root })).toBeUndefined()
    expect(await vault.status(at(`${pack.root}`))).toBe('settling')
    fake.lie = {}
    await vault.put(pack)
    expect(await pinsAt(fake)).toMatchObject([{ status: 'pinned' }])
    expect(await vault.status(at(`${pack.root}`))).toBe('held')
  })

  it('with `replace` pins anew first, and takes the old pin away after', async () => {
    const fake = await fakePinning()
    const vault = vaultAt(fake)
    const pack = packOf(noise(1000))
    await vault.put(pack)
    const [old] = await pinsAt(fake)
    fake.blocks.clear()
    await expect(readAll(vault, pack)).rejects.toMatchObject({ code: 'absent' })
    const said: number[] = []
    await vault.put(pack, { replace: true, onProgress: ({ byteLength }) => said.push(byteLength) })
    const now = await pinsAt(fake)
    expect(now).toHaveLength(1)
    expect(now[0]?.requestid).not.toBe(old?.requestid)
    expect(said).toEqual([1000])
    expect(await readAll(vault, pack)).toEqual(noise(1000))
  })

  it('keeps the old pin where the new one fails', async () => {
    const fake = await fakePinning()
    const vault = vaultAt(fake)
    const pack = packOf(noise(1000))
    await vault.put(pack)
    const [old] = await pinsAt(fake)
    fake.blocks.clear()
    fake.lie = { pull: () => Promise.reject(new Error('out of disk')) }
    await expect(vault.put(pack, { replace: true })).rejects.toMatchObject({ code: 'unreachable' })
    expect(await pinsAt(fake)).toEqual([old])
  })

  it('says why a pin failed, in the words of the service, and leaves no request behind', async () => {
    const fake = await fakePinning({ pull: () => Promise.reject(new Error('out of\u001b[31m disk')) })
    const failed = vaultAt(fake).put(packOf(noise(1000)))
    await expect(failed).rejects.toMatchObject({ code: 'unreachable', message: expect.stringMatching(/status_details: out of \[31m disk/) })
    expect(await pinsAt(fake)).toEqual([])
  })

  it('gives up on a service that asks for nothing, names the addresses and says what to do', async () => {
    const fake = await fakePinning(queuesForEver())
    const pauses: number[] = []
    const wait = async (ms: number) => void pauses.push(ms)
    const origins = ['/ip4/203.0.113.7/tcp/4001']
    const node = await heliaNode()
    const failed = vaultAt(fake, { wait, origins, node, patienceMs: 300_000 }).put(packOf(noise(1000)))
    await expect(failed).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/cannot reach this node.*`origins`.*pushUrl/s),
    })
    await expect(failed).rejects.toThrow(`/ip4/203.0.113.7/tcp/4001/p2p/${node.peerId}`)
    expect(pauses.slice(0, 8)).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000])
    expect(pauses.reduce((sum, ms) => sum + ms)).toBeGreaterThanOrEqual(300_000)
    expect(pauses.reduce((sum, ms) => sum + ms)).toBeLessThan(320_000)
    expect(await pinsAt(fake)).toEqual([])
    await node.close()
  })

  it('says it when its own side could not read a block', async () => {
    const pack = packOf(noise(1000))
    const broken = new Error('the disk is gone')
    const dag = async () => ({ ...(await pack.dag()), block: () => Promise.reject(broken) })
    const { promise: given, resolve: giveUp } = Promise.withResolvers<string[]>()
    const fake = await fakePinning({
      pull: (root, get) =>
        get(root).then(
          () => [],
          () => given,
        ),
    })
    const failed = vaultAt(fake, { patienceMs: 60_000 }).put({ ...pack, dag })
    await expect(failed).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('could not be read here'),
      cause: broken,
    })
    giveUp([])
  })

  it('ends with the signal’s reason, and the next put clears the request', async () => {
    const fake = await fakePinning(queuesForEver())
    const stop = new AbortController()
    const pack = packOf(noise(1000))
    const wait = async () => stop.abort(new Error('enough'))
    await expect(vaultAt(fake, { wait }).put(pack, { signal: stop.signal })).rejects.toThrow('enough')
    expect(await pinsAt(fake)).toHaveLength(1)
    fake.lie = {}
    await vaultAt(fake).put(pack)
    expect(await pinsAt(fake)).toMatchObject([{ status: 'pinned' }])
  })

  it('refuses index packs, packs without a DAG, and packs that are too large, before it asks anybody', async () => {
    const fake = await fakePinning()
    const { dag: _, ...plain } = packOf(noise(1000))
    const vault = vaultAt(fake, { maxPackBytes: 2000 })
    await expect(vault.put(plain)).rejects.toMatchObject({ code: 'unsupported' })
    await expect(vault.put({ ...packOf(noise(1000)), kind: 'index' })).rejects.toMatchObject({ code: 'unsupported' })
    await expect(vault.put(packOf(noise(3000)))).rejects.toMatchObject({ code: 'invalid' })
    expect(fake.log).toEqual([])
  })
})

describe('looking', () => {
  it('finds a root by either version of its CID, and by no other', async () => {
    const fake = await fakePinning({ pull: async (root) => [keyOf(root)] })
    const vault = vaultAt(fake)
    const root = addressOf(noise(10), DAG_PB)
    const old = toCID(`${root.toV0()}`)
    await pinningClient(fake).add({ cid: `${old}` })
    await expect.poll(() => vault.status(at(`${root}`))).toBe('held')
    expect(await vault.locate(root, { root })).toBe(at(`${root}`))
    expect(await vault.locate(root, { root: old })).toBe(at(`${old}`))
    expect(await vault.locate(root, { root, kind: 'index' })).toBeUndefined()
    expect(await vault.locate(root)).toBeUndefined()
    expect(await vault.status(at(`${addressOf(noise(11), DAG_PB)}`))).toBe('absent')
    await vault.remove?.(at(`${root}`))
    expect(await vault.status(at(`${root}`))).toBe('absent')
    await expect(vault.status('s3:elsewhere')).rejects.toMatchObject({ code: 'invalid' })
  })

  it('opens with a right token only', async () => {
    const fake = await fakePinning()
    expect(await vaultAt(fake).open?.()).toMatchObject({
      id: 'ipfs',
      network: 'ipfs',
      operator: 'pins',
      addressing: 'cid',
      term: 'standing',
      canForget: false,
      paid: false,
      cold: false,
    })
    await expect(vaultAt(fake, { token: 'other' }).open?.()).rejects.toMatchObject({ code: 'denied' })
  })

  it('without a gateway reads from the nodes that the service names, and never from its own', async () => {
    const fake = await fakePinning()
    const pack = packOf(noise(1000))
    const own = await heliaNode()
    const vault = vaultAt(fake, { gateway: undefined, node: own })
    await vault.put(pack)
    expect(await readAll(vault, pack)).toEqual(noise(1000))
    const stop = own.serve(await pack.dag())
    fake.blocks.clear()
    await expect(readAll(vault, pack)).rejects.toMatchObject({ code: 'absent' })
    stop()
    await own.close()
    const alone = vaultAt(fake, { gateway: undefined, delegates: [] })
    await expect(readAll(alone, pack)).rejects.toMatchObject({ code: 'unsupported', message: expect.stringContaining('set `gateway`') })
    // Private addresses are not called at the service's word.
    const node = await heliaNode()
    const careful = pinningService({
      endpoint: 'https://pins.example.org',
      token: 't',
      node,
      fetch: (url, init) =>
        fetch(`${fake.endpoint}/pins${new URL(`${url}`).search}`, { ...init, headers: { authorization: `Bearer ${fake.token}` } }),
    })
    await expect(readAll(careful, pack)).rejects.toMatchObject({ code: 'unsupported' })
    expect(node.peers()).toEqual([])
    await node.close()
  })

  it('hands on no block that its gateway has changed, cut or made longer', async () => {
    const fake = await fakePinning()
    const vault = vaultAt(fake)
    const pack = packOf(noise(1000))
    await vault.put(pack)
    const key = keyOf(pack.root)
    for (const [bytes, code] of [
      [noise(1000, 'other'), 'damaged'],
      [noise(999), 'damaged'],
      [noise(1001), 'damaged'],
      [new Uint8Array(0), 'damaged'],
      [noise(2 ** 21 + 1), 'unsupported'],
    ] as const) {
      fake.blocks.set(key, { cid: pack.root, bytes: Buffer.from(bytes) })
      await expect(readAll(vault, pack)).rejects.toMatchObject({ name: 'VaultError', code })
    }
  })
})

describe('options', () => {
  const make = (options: Parameters<typeof pinningService>[0]) => pinningService(options).profile

  it('come from the preset, by which the operator is known', () => {
    expect(make({ preset: 'pinata', token: 't' })).toMatchObject({ id: 'pinata', operator: 'pinata', network: 'ipfs' })
    expect(make({ preset: 'filebase', token: 't', id: 'mine', operator: 'us' })).toMatchObject({ id: 'mine', operator: 'us' })
    expect(make({ preset: '4everland', token: 't' })).toMatchObject({ operator: '4everland' })
    expect(make({ endpoint: 'https://pins.example.org/psa', token: 't' })).toMatchObject({
      id: 'pins-example-org',
      operator: 'pins.example.org',
    })
  })

  it('that cannot be are refused with what to set, the token nowhere', () => {
    expect(() => make({ token: 'secret' })).toThrow(/no endpoint; set it/)
    expect(() => make({ preset: 'ipfs-cluster', token: 'secret' })).toThrow(/no endpoint/)
    expect(() => make({ preset: 'pinatta' as 'pinata', token: 'secret' })).toThrow(/pinatta.*known are pinata/)
    expect(() => make({ endpoint: 'http://pins.example.org', token: 'secret' })).toThrow(/in clear/)
    expect(() => make({ endpoint: 'https://user:secret@pins.example.org', token: 'secret' })).toThrow(/^(?!.*secret@).*no plain http/s)
    expect(() => make({ preset: 'pinata', token: '' })).toThrow(/token is empty/)
    expect(() => make({ preset: 'pinata', token: 't', gateway: 'https://gw.example/ipfs' })).toThrow(/origin alone/)
    expect(() => make({ preset: 'pinata', token: 't', gateway: 'http://127.0.0.1:1' })).toThrow(/private network/)
  })
})

it('never counts toward the floor', async () => {
  const fake = await fakePinning()
  const vaults = [memory({ id: 'a', operator: 'a' }), vaultAt(fake)]
  const { archive } = await house({ vaults, policy: { copies: 2, floor: 1, distinct: {} } })
  expect((await archive.put(noise(10))).state).toBe('satisfied')
  await expect(house({ vaults, policy: { copies: 2, floor: 2, distinct: {} } })).rejects.toMatchObject({ code: 'unreachable-floor' })
})
