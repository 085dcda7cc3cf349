import { unixfs } from '@helia/unixfs'
import { decode } from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Dag, Vault } from '../../../src/contracts.ts'
import { addressOf, DAG_PB, matches, RAW, toCID } from '../../../src/format/address.ts'
import { type BlockSource, type EmbeddedNode, heliaNode, type NodeOptions, replicaBlocks } from '../../../src/ipfs.ts'
import { prefixOf } from '../../../src/vaults/ipfs/embedded/block-id.ts'
import { encodeMessage, numbers } from '../../../src/vaults/ipfs/embedded/message.ts'
import { memory } from '../../../src/vaults/memory.ts'
import { bytesOf, house, noise } from '../../flow/house.ts'
import { scriptedPeer, stockPeer } from './peer.ts'

const MIB = 1024 * 1024
const RAW_OF = (bytes: Uint8Array) => addressOf(bytes, RAW)

const want = (cid: CID) => ({ cid: cid.bytes, cancel: false, haveOnly: false, sendDontHave: true })

type Blocks = BlockSource & { readonly asked: string[] }

function sourceOf(...all: readonly Uint8Array[]): Blocks {
  const blocks = new Map(all.map((bytes) => [`${RAW_OF(bytes)}`, bytes]))
  const asked: string[] = []
  return {
    asked,
    has: async (cid) => blocks.has(`${cid}`),
    block: async (cid) => {
      asked.push(`${cid}`)
      return blocks.get(`${cid}`)
    },
  }
}

async function node(options: NodeOptions = {}): Promise<EmbeddedNode> {
  const started = await heliaNode(options)
  onTestFinished(() => started.close())
  return started
}

/** The DAG that an archive hands to a vault that keeps DAGs, while it is putting it there. */
async function withDag(content: Uint8Array, use: (dag: Dag) => Promise<void>): Promise<string> {
  const store = memory({ id: 'look', network: 'ipfs', operator: 'look' })
  let used = false
  const looking: Vault = {
    ...store,
    put: async (pack, options) => {
      const dag = await pack.dag?.(options)
      if (dag && !used) {
        used = true
        await use(dag)
      }
      return store.put(pack, options)
    },
  }
  const vaults = [memory({ id: 'a', operator: 'a' }), memory({ id: 'b', operator: 'b' }), looking]
  const { archive } = await house({ vaults, policy: { copies: 3, floor: 2, distinct: {} }, maxPackBytes: 1_500_000 })
  const { root } = await archive.put(content)
  expect(used).toBe(true)
  return root
}

/** Everything below a root, block by block from one peer. */
async function fetchAll(from: EmbeddedNode, root: CID, peer: string): Promise<number> {
  let count = 0
  const waiting = [root]
  for (let cid = waiting.pop(); cid; cid = waiting.pop()) {
    const bytes = await from.fetch(cid, { from: peer })
    expect(matches(toCID(`${cid}`), bytes)).toBe(true)
    count++
    if (cid.code === DAG_PB) waiting.push(...decode(bytes).Links.map(({ Hash }) => Hash))
  }
  return count
}

describe('serving', () => {
  it('brings a DAG of several packs to a stock Helia by bitswap, read as UnixFS', async () => {
    const content = noise(5 * MIB)
    await withDag(content, async (dag) => {
      const own = await node()
      const other = await stockPeer()
      await other.connect(own.addresses[0] ?? '')
      const stop = own.serve(dag)
      expect(Buffer.compare(await bytesOf(unixfs(other.helia).cat(dag.root, { signal: AbortSignal.timeout(30_000) })), content)).toBe(0)
      stop()
      const block = noise(10)
      await expect(other.get(RAW_OF(block), AbortSignal.timeout(200))).rejects.toThrow()
    })
  })

  it('brings a DAG of several packs to a node like itself, and only while it is served', async () => {
    await withDag(noise(4 * MIB), async (dag) => {
      const own = await node()
      const other = await node({ bootstrap: own.addresses })
      await expect(other.fetch(dag.root)).rejects.toMatchObject({ code: 'absent' })
      const stop = own.serve(dag)
      expect(await fetchAll(other, dag.root, own.peerId)).toBe(dag.blockCount)
      stop()
      await expect(other.fetch(dag.root)).rejects.toMatchObject({ code: 'absent' })
    })
  })

  it('answers a peer that wanted a block before it was served', async () => {
    const bytes = noise(1000)
    const own = await node()
    const other = await stockPeer()
    await other.connect(own.addresses[0] ?? '')
    const coming = other.get(RAW_OF(bytes))
    await new Promise((resolve) => setTimeout(resolve, 100))
    own.serve(sourceOf(bytes))
    expect(Buffer.compare(await coming, bytes)).toBe(0)
  })

  it('reads each block when it is wanted, and keeps none', async () => {
    const [first, second] = [noise(1000, 'first'), noise(1000, 'second')]
    const source = sourceOf(first, second)
    const own = await node({ blocks: [source] })
    const other = await node({ bootstrap: own.addresses })
    expect(source.asked).toEqual([])
    await other.fetch(RAW_OF(first))
    await other.fetch(RAW_OF(first))
    expect(source.asked).toEqual([`${RAW_OF(first)}`, `${RAW_OF(first)}`])
  })

  it('sends no block that is not what its CID says, and asks the next source for it', async () => {
    const bytes = noise(1000)
    const liar: BlockSource = { has: async () => true, block: async () => noise(1000, 'wrong') }
    const broken: BlockSource = { has: async () => Promise.reject(new RangeError('down')), block: async () => undefined }
    const own = await node({ blocks: [broken, liar] })
    const other = await node({ bootstrap: own.addresses })
    await expect(other.fetch(RAW_OF(bytes))).rejects.toMatchObject({ code: 'absent' })
    own.serve(sourceOf(bytes))
    expect(Buffer.compare(await other.fetch(RAW_OF(bytes)), bytes)).toBe(0)
  })

  it('serves what any vault holds, block by block of its replica', async () => {
    const vault = memory({ id: 'm' })
    const { samplePack } = await import('../../../src/conformance/fixture.ts')
    const pack = await samplePack({ blocks: 5 })
    const at = await vault.put(pack)
    const own = await node({ blocks: [replicaBlocks(vault, at, await pack.spans())] })
    const other = await node({ bootstrap: own.addresses })
    for (const { cid } of await pack.spans()) expect(matches(cid, await other.fetch(cid))).toBe(true)
  })

  it('knows a dag-pb block by both versions of its CID', async () => {
    const bytes = Buffer.from([0x0a, 0x02, 0x08, 0x01])
    const v1 = addressOf(bytes, DAG_PB)
    const v0 = CID.createV0(v1.multihash as Parameters<typeof CID.createV0>[0])
    const own = await node({ blocks: [{ has: async (cid) => cid.equals(v0), block: async () => bytes }] })
    const other = await node({ bootstrap: own.addresses })
    expect(Buffer.compare(await other.fetch(v1), bytes)).toBe(0)
    expect(Buffer.compare(await other.fetch(v0), bytes)).toBe(0)
  })

  it('answers everything that is wanted at once, and refuses what is wanted beyond measure', async () => {
    const blocks = Array.from({ length: 40 }, (_, at) => noise(MIB / 4, `${at}`))
    const own = await node({ blocks: [sourceOf(...blocks)] })
    const got = new Set<string>()
    let refused = 0
    const greedy = await scriptedPeer({
      answer: ({ blocks: came, presences }) => {
        for (const { bytes } of came) got.add(`${RAW_OF(bytes)}`)
        refused += presences.filter(({ has }) => !has).length
        return undefined
      },
    })
    const connection = await greedy.connect(own.addresses[0] ?? '')
    const strangers = Array.from({ length: 1_500 }, (_, at) => want(RAW_OF(Buffer.from(`no such block ${at}`))))
    await greedy.say(connection, encodeMessage({ wants: [...blocks.map((bytes) => want(RAW_OF(bytes))), ...strangers] }))
    await expect.poll(() => [got.size, refused], { timeout: 20_000 }).toEqual([40, 1_500])
  })

  it('reads no more blocks for a peer that wants many and takes none', async () => {
    const made = (at: number) => noise(MIB / 4, `${at}`)
    const names = new Map(Array.from({ length: 160 }, (_, at) => [`${RAW_OF(made(at))}`, at]))
    let read = 0
    const source: BlockSource = {
      has: async (cid) => names.has(`${cid}`),
      block: async (cid) => {
        read++
        return made(names.get(`${cid}`) ?? 0)
      },
    }
    const own = await node({ blocks: [source] })
    const deaf = await scriptedPeer({ answer: () => undefined, deaf: true })
    const connection = await deaf.connect(own.addresses[0] ?? '')
    await deaf.say(connection, encodeMessage({ wants: [...names.keys()].map((name) => want(CID.parse(name))) }))
    await expect.poll(() => read).toBeGreaterThan(0)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    // What a message, the window and the other side's own buffer hold; without end it would be all 160.
    expect(read).toBeLessThan(60)
  })
})

describe('fetching', () => {
  const lonely = RAW_OF(noise(77, 'nobody has it'))

  it('takes blocks from a stock Helia', async () => {
    const bytes = noise(MIB)
    const other = await stockPeer()
    await other.put(RAW_OF(bytes), bytes)
    const own = await node({ bootstrap: other.addresses })
    expect(Buffer.compare(await own.fetch(RAW_OF(bytes), { from: other.peerId }), bytes)).toBe(0)
    await expect(own.fetch(lonely)).rejects.toMatchObject({ code: 'absent' })
  })

  it('reads UnixFS from peers through Helia, and keeps nothing of it', async () => {
    const content = noise(3 * MIB)
    await withDag(content, async (dag) => {
      const far = await node({ blocks: [dag] })
      const own = await node({ bootstrap: far.addresses })
      expect(Buffer.compare(await bytesOf(unixfs(own.helia).cat(dag.root)), content)).toBe(0)
      expect(await own.helia.blockstore.has(dag.root)).toBe(false)
    })
  })

  it('asks the peer that is named and no other, and never itself', async () => {
    const bytes = noise(500)
    const mute = await scriptedPeer({ answer: () => undefined })
    const has = await node({ blocks: [sourceOf(bytes)] })
    const own = await node({ bootstrap: [...mute.addresses, ...has.addresses], blocks: [sourceOf(bytes)] })
    await expect(own.fetch(RAW_OF(bytes), { from: mute.peerId, timeoutMs: 200 })).rejects.toMatchObject({ code: 'unreachable' })
    await expect(own.fetch(RAW_OF(bytes), { from: 'somebody else' })).rejects.toMatchObject({ code: 'unreachable' })
    expect(Buffer.compare(await own.fetch(RAW_OF(bytes)), bytes)).toBe(0)
    const alone = await node({ blocks: [sourceOf(bytes)] })
    await expect(alone.fetch(RAW_OF(bytes))).rejects.toMatchObject({ code: 'unreachable' })
  })

  it('takes another block in its place for damage, at once', async () => {
    const liar = await scriptedPeer({
      answer: ({ wants }) =>
        wants.length > 0 ? { blocks: [{ prefix: prefixOf(lonely), bytes: noise(77, 'something else') }] } : undefined,
    })
    const own = await node({ bootstrap: liar.addresses })
    await expect(own.fetch(lonely, { from: liar.peerId })).rejects.toMatchObject({ code: 'damaged' })
  })

  it('is not misled by a block that comes twice', async () => {
    const bytes = noise(100)
    const twice = await scriptedPeer({
      answer: ({ wants }) => {
        const block = { prefix: prefixOf(RAW_OF(bytes)), bytes }
        return wants.some(({ cancel }) => !cancel) ? { blocks: [block, block] } : undefined
      },
    })
    const own = await node({ bootstrap: twice.addresses })
    await own.fetch(RAW_OF(bytes))
    await expect(own.fetch(lonely, { timeoutMs: 300 })).rejects.toMatchObject({ code: 'unreachable' })
  })

  it('waits no longer than it was told to for a peer that hangs, and tells it that the want is over', async () => {
    const mute = await scriptedPeer({ answer: () => undefined })
    const own = await node({ bootstrap: mute.addresses })
    await expect(own.fetch(lonely, { timeoutMs: 100 })).rejects.toMatchObject({ code: 'unreachable' })
    await expect.poll(() => mute.seen.flatMap(({ wants }) => wants.map(({ cancel }) => cancel))).toEqual([false, true])
  })

  it('fails when the peer dies, without waiting', async () => {
    const mute = await scriptedPeer({ answer: () => undefined })
    const own = await node({ bootstrap: mute.addresses })
    const fetching = own.fetch(lonely)
    fetching.catch(() => undefined)
    await expect.poll(() => mute.seen.length).toBe(1)
    await mute.stop()
    await expect(fetching).rejects.toMatchObject({ code: 'unreachable' })
    expect(own.peers()).toEqual([])
  })

  it('ends with the caller, with the reason given, and when the node is closed', async () => {
    const mute = await scriptedPeer({ answer: () => undefined })
    const own = await node({ bootstrap: mute.addresses })
    const stop = new AbortController()
    const reason = new RangeError('enough')
    const first = own.fetch(lonely, { signal: stop.signal })
    const second = own.fetch(lonely)
    second.catch(() => undefined)
    stop.abort(reason)
    await expect(first).rejects.toBe(reason)
    await own.close()
    await expect(second).rejects.toMatchObject({ code: 'unreachable' })
    await expect(own.fetch(lonely)).rejects.toMatchObject({ code: 'unreachable' })
    await expect(own.fetch(lonely, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  it('refuses a block that is larger than is exchanged, or than the caller takes', async () => {
    const large = noise(2 * MIB + 1)
    const other = await scriptedPeer({
      answer: ({ wants }) => ({
        blocks: wants.filter(({ cancel }) => !cancel).map(({ cid }) => ({ prefix: prefixOf(CID.decode(cid)), bytes: large })),
      }),
    })
    const own = await node({ bootstrap: other.addresses })
    await expect(own.fetch(RAW_OF(large))).rejects.toMatchObject({ code: 'limit' })
    const small = await node({ blocks: [sourceOf(noise(1000))] })
    await own.connect(small.addresses[0] ?? '')
    await expect(own.fetch(RAW_OF(noise(1000)), { from: small.peerId, maxBytes: 999 })).rejects.toMatchObject({ code: 'limit' })
    const server = await node({ blocks: [sourceOf(large)] })
    await own.connect(server.addresses[0] ?? '')
    await expect(own.fetch(RAW_OF(large), { from: server.peerId })).rejects.toMatchObject({ code: 'absent' })
  })

  it('reads identity CIDs of up to 128 bytes by themselves, and refuses longer ones, shortened hashes and functions it does not know', async () => {
    const own = await node()
    const identity = (length: number) => CID.createV1(RAW, Digest.create(0, noise(length)))
    expect(Buffer.compare(await own.fetch(identity(128)), noise(128))).toBe(0)
    await expect(own.fetch(identity(129))).rejects.toMatchObject({ code: 'limit' })
    for (const [code, length] of [
      [0xb220, 32],
      [0x11, 20],
      [0x12, 10],
      [0x13, 32],
    ] as const)
      await expect(own.fetch(CID.createV1(RAW, Digest.create(code, noise(length))))).rejects.toMatchObject({ code: 'unsupported' })
  })

  it('lives on when a peer sends what is no message, or one that is too long', async () => {
    const bytes = noise(300)
    const own = await node({ blocks: [sourceOf(bytes)] })
    const rude = await scriptedPeer({ answer: () => undefined })
    const connection = await rude.connect(own.addresses[0] ?? '')
    for (const garbage of [numbers(5), Buffer.concat([numbers(3), noise(3)]), numbers(64 * MIB), Buffer.alloc(40, 0xff), noise(5_000)]) {
      const stream = await rude.raw(connection, garbage)
      await stream.close().catch(() => undefined)
    }
    const other = await node({ bootstrap: own.addresses })
    expect(Buffer.compare(await other.fetch(RAW_OF(bytes)), bytes)).toBe(0)
  })
})

describe('the life of a node', () => {
  it('starts again at the same address after it was closed, and serves its peers anew', async () => {
    const bytes = noise(400)
    const first = await node({ blocks: [sourceOf(bytes)] })
    const [address = ''] = first.addresses
    const listen = [address.split('/p2p/')[0] ?? '']
    const other = await node({ bootstrap: first.addresses })
    await first.close()
    await first.close()
    await expect.poll(() => other.peers()).toEqual([])
    const second = await node({ listen, blocks: [sourceOf(bytes)] })
    expect(await other.connect(second.addresses[0] ?? '')).toBe(second.peerId)
    expect(Buffer.compare(await other.fetch(RAW_OF(bytes)), bytes)).toBe(0)
  })

  it('listens on the loopback interface unless told otherwise, or not at all', async () => {
    const own = await node()
    expect(own.addresses.length).toBeGreaterThan(0)
    for (const address of own.addresses) expect(address).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\//)
    expect((await node({ listen: [] })).addresses).toEqual([])
  })

  it('refuses addresses that are none, ports that are taken, and peers that do not answer', async () => {
    await expect(heliaNode({ listen: ['localhost:80'] })).rejects.toMatchObject({ name: 'VaultError', code: 'invalid' })
    const own = await node()
    const [taken = ''] = own.addresses
    await expect(heliaNode({ listen: [taken.split('/p2p/')[0] ?? ''] })).rejects.toMatchObject({ code: 'invalid' })
    await expect(heliaNode({ bootstrap: ['/ip4/127.0.0.1/tcp/1'] })).rejects.toMatchObject({ code: 'unreachable' })
    await expect(own.connect('nowhere')).rejects.toMatchObject({ code: 'invalid' })
    const reason = new RangeError('enough')
    await expect(own.connect('/ip4/127.0.0.1/tcp/1', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})
