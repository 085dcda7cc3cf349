import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CarReader } from '@ipld/car'
import { beforeAll, describe, expect, it } from 'vitest'
import { samplePack } from '../../src/conformance/fixture.ts'
import { assertHolds } from '../../src/conformance/vault-context.ts'
import type { Dag, Pack, Vault } from '../../src/contracts.ts'
import { gatewayBlocks } from '../../src/flow/gateway-car.ts'
import { toCID } from '../../src/format/address.ts'
import { heliaNode, kubo, trustlessGateway } from '../../src/ipfs.ts'
import { directory } from '../../src/vaults/directory.ts'
import { memory } from '../../src/vaults/memory.ts'
import { all, bytesOf, house, noise, tempFolder } from '../flow/house.ts'
import { sealedHouse } from '../flow/sealed/keys.ts'

const API = process.env.PERDURE_KUBO_API ?? ''
const GATEWAY = process.env.PERDURE_KUBO_GATEWAY ?? ''
const REPO = process.env.PERDURE_KUBO_REPO ?? ''
const PEER = process.env.PERDURE_KUBO_PEER ?? ''
const MIB = 1024 * 1024

const rpc = async (path: string) => {
  const response = await fetch(`${API}/api/v0/${path}`, { method: 'POST', signal: AbortSignal.timeout(20_000) })
  return Buffer.from(await response.arrayBuffer())
}
const gc = () => rpc('repo/gc')
const linksOf = async (root: string) =>
  (await rpc(`refs?arg=${root}`))
    .toString()
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { Ref: string }).Ref)

/** The file in which the node keeps a block. */
async function fileOf(cid: string): Promise<string> {
  const name = toBase32(toCID(cid).multihash.bytes)
  for (const entry of await readdir(join(REPO, 'blocks'), { recursive: true }))
    if (entry.endsWith(`${name}.data`)) return join(REPO, 'blocks', entry)
  throw new RangeError(`the node has no file for ${cid}`)
}

function toBase32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  return (bits.match(/.{1,5}/g) ?? []).map((five) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(five.padEnd(5, '0'), 2)]).join('')
}

async function corrupt(cid: string): Promise<void> {
  const file = await fileOf(cid)
  await writeFile(file, (await readFile(file)).fill(0xff, 0, 8))
}

async function dagOf(pack: Pack): Promise<Dag> {
  const dag = await pack.dag?.()
  if (!dag) throw new RangeError('the sample has no DAG')
  return dag
}

const three = (vault: Vault = kubo({ api: API })) =>
  house({
    vaults: [memory({ id: 'a', operator: 'a' }), memory({ id: 'b', operator: 'b' }), vault],
    policy: { copies: 3, floor: 2, distinct: {} },
    maxPackBytes: 1_500_000,
    timeoutMs: 20_000,
  })

describe.skipIf(API === '')('a vault on a real Kubo daemon', { timeout: 60_000 }, () => {
  beforeAll(async () => void (await gc()))

  it('keeps an object of several packs, and a garbage collection takes nothing of it', async () => {
    const { archive } = await three()
    const receipt = await archive.put(noise(4 * MIB, 'life'))
    expect(receipt.state).toBe('satisfied')
    await gc()
    expect((await archive.verify(receipt.root, { level: 'whole' })).state).toBe('satisfied')
  })

  it.each(['a leaf', 'the root'])('catches %s that was damaged on disk, and repair makes it whole', async (which) => {
    const { archive } = await three()
    const { root } = await archive.put(noise(4 * MIB, which))
    const [leaf = ''] = await linksOf(root)
    await corrupt(which === 'a leaf' ? leaf : root)
    expect((await archive.verify(root, { level: 'whole' })).state).not.toBe('satisfied')
    expect((await archive.repair(root)).state).toBe('satisfied')
    expect((await archive.verify(root, { level: 'whole' })).state).toBe('satisfied')
    await gc()
    expect((await archive.verify(root, { level: 'whole' })).state).toBe('satisfied')
  })

  it('catches a block whose file is gone, and repair brings it again', async () => {
    const { archive } = await three()
    const { root } = await archive.put(noise(4 * MIB, 'gone'))
    const [, leaf = ''] = await linksOf(root)
    await rm(await fileOf(leaf))
    expect((await archive.verify(root, { level: 'whole' })).state).not.toBe('satisfied')
    expect((await archive.repair(root)).state).toBe('satisfied')
    expect((await archive.verify(root, { level: 'whole' })).state).toBe('satisfied')
  })

  it('misses what was unpinned and collected, and repair brings all of it', async () => {
    const { archive } = await three()
    const { root } = await archive.put(noise(4 * MIB, 'unpinned'))
    await rpc(`pin/rm?arg=${root}`)
    await gc()
    expect(await kubo({ api: API }).status(`ipfs:${root}`)).toBe('absent')
    expect((await archive.verify(root, { level: 'whole' })).state).not.toBe('satisfied')
    expect((await archive.repair(root)).state).toBe('satisfied')
    expect((await archive.verify(root, { level: 'whole' })).state).toBe('satisfied')
  })

  it('loses nothing to garbage collections that run while it imports', async () => {
    const vault = kubo({ api: API })
    let on = true
    const collecting = (async () => {
      while (on) await gc()
    })()
    for (let n = 0; n < 5; n++) {
      const pack = await samplePack({ seed: `beside-gc-${n}`, blocks: 40, blockLength: 50_000, linked: true })
      await assertHolds(vault, await vault.put(pack), pack)
    }
    on = false
    await collecting
  })

  it('puts a pack again whose file went while nothing pinned it and the node did not notice', async () => {
    const vault = kubo({ api: API, timeoutMs: 1_000 })
    const pack = await samplePack({ seed: 'stale', linked: true })
    await vault.remove?.(await vault.put(pack))
    const [span] = await pack.spans()
    await rm(await fileOf(`${span?.cid}`))
    await assertHolds(vault, await vault.put(pack), pack)
  })

  it('reads through its gateway what it holds, and says what it does not hold is absent', async () => {
    const vault = kubo({ api: API, gateway: GATEWAY })
    const pack = await samplePack({ seed: 'gateway', linked: true })
    const at = await vault.put(pack)
    await assertHolds(vault, at, pack)
    const other = await samplePack({ seed: 'gateway-absent', linked: true })
    for (const one of [vault, kubo({ api: API })]) {
      const [span] = await other.spans()
      if (span) await expect(all(one.read(at, span))).rejects.toMatchObject({ code: 'absent', vault: 'kubo' })
    }
    const blocks = await all(gatewayBlocks(trustlessGateway(GATEWAY, { allowPrivate: true }), pack.root))
    expect(blocks.map(({ cid }) => `${cid}`).sort()).toEqual((await pack.spans()).map(({ cid }) => `${cid}`).sort())
  })

  it('exchanges blocks with the embedded node in both directions', async () => {
    const pack = await samplePack({ seed: 'bitswap', linked: true })
    await kubo({ api: API }).put(pack)
    await using node = await heliaNode()
    const peer = await node.connect(PEER)
    const dag = await dagOf(pack)
    const bytes = await node.fetch(pack.root, { from: peer, timeoutMs: 10_000 })
    expect(Buffer.compare(bytes, (await dag.block(pack.root)) ?? Buffer.alloc(0))).toBe(0)

    const ours = await samplePack({ seed: 'bitswap-ours', linked: true })
    const theirs = await dagOf(ours)
    node.serve(theirs)
    const given = await rpc(`block/get?arg=${ours.root}`)
    expect(Buffer.compare(given, (await theirs.block(ours.root)) ?? Buffer.alloc(0))).toBe(0)
  })

  it('keeps a sealed object, which opens after a garbage collection from what the node alone holds', async () => {
    const stores = [new Map<string, Uint8Array>(), new Map<string, Uint8Array>()]
    const disks = stores.map((store, n) => memory({ id: `m${n}`, operator: `m${n}`, store }))
    const { archive } = await sealedHouse({
      vaults: [...disks, kubo({ api: API })],
      policy: { copies: 3, floor: 2, distinct: {} },
      maxPackBytes: 1_500_000,
      timeoutMs: 20_000,
    })
    const plain = noise(4 * MIB, 'sealed')
    const { root, state } = await archive.put(plain)
    expect(state).toBe('satisfied')
    await gc()
    expect((await archive.verify(root, { level: 'whole' })).state).toBe('satisfied')
    const stored = await rpc(`cat?arg=${root}&offline=true`)
    expect(stored.subarray(0, 21).toString()).toBe('age-encryption.org/v1')
    expect(stored.includes(plain.subarray(MIB, MIB + 32))).toBe(false)
    for (const store of stores) store.clear()
    expect(Buffer.compare(await bytesOf(archive.get(root)), plain)).toBe(0)
  })

  it('stands beside directories, and mends both when it is the last that has the blocks', async () => {
    const folder = await tempFolder()
    const disks = ['a', 'b'].map((id) => directory({ id, operator: id, at: join(folder, id) }))
    const { archive } = await house({
      vaults: [...disks, kubo({ api: API })],
      policy: { copies: 3, floor: 2, distinct: {} },
      maxPackBytes: 1_500_000,
      timeoutMs: 20_000,
    })
    const plain = noise(4 * MIB, 'beside directories')
    const { root, state, replicas } = await archive.put(plain)
    expect(state).toBe('satisfied')
    for (const { vault, locator } of replicas) if (vault !== 'kubo') await rm(join(folder, vault, locator ?? ''))
    expect((await archive.verify(root, { level: 'whole' })).state).toBe('at-risk')
    expect((await archive.repair(root)).state).toBe('satisfied')
    await rpc(`pin/rm?arg=${root}`)
    await gc()
    expect(Buffer.compare(await bytesOf(archive.get(root)), plain)).toBe(0)
  })

  it('exports by `ipfs dag export` what was put, block by block and nothing else', async () => {
    const pack = await samplePack({ seed: 'export', blocks: 30, blockLength: 50_000, linked: true })
    await kubo({ api: API }).put(pack)
    const exported = await CarReader.fromBytes(await rpc(`dag/export?arg=${pack.root}&offline=true`))
    expect((await exported.getRoots()).map(String)).toEqual([`${pack.root}`])
    const hex = async (reader: CarReader) =>
      (await all(reader.blocks())).map(({ cid, bytes }) => [`${cid}`, Buffer.from(bytes).toString('hex')]).sort()
    expect(await hex(exported)).toEqual(await hex(await CarReader.fromBytes(pack.bytes)))
  })

  it('is put to with `provide` although the node cannot announce anything', async () => {
    const pack = await samplePack({ seed: 'provide', linked: true })
    const asked: string[] = []
    const vault = kubo({
      api: API,
      provide: true,
      fetch: async (input, init) => {
        const response = await fetch(input, init)
        asked.push(`${new URL(`${input}`).pathname} ${response.status}`)
        return response
      },
    })
    await assertHolds(vault, await vault.put(pack), pack)
    expect(asked).toContain('/api/v0/routing/provide 500')
  })
})
