/** DAGs on a gateway of this machine, and an archive that imports them. */
import * as pb from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import { type ImporterOptions, importer } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { expect, onTestFinished } from 'vitest'
import type { Profile } from '../../src/contracts.ts'
import { addressOf, DAG_PB, inlined, RAW } from '../../src/format/address.ts'
import { linksOf } from '../../src/format/dag-links.ts'
import { carHeader, sectionPrefix } from '../../src/format/pack.ts'
import { type FakeGateway, fakeGateway } from '../fakes/gateway.ts'
import { all, type House, spooled } from './house.ts'

export interface Block {
  readonly cid: CID
  readonly bytes: Uint8Array
}

/** Blocks by the text of their CIDs. */
export type Dag = Map<string, Block>

export const block = (bytes: Uint8Array, codec = RAW): Block => ({ cid: addressOf(bytes, codec), bytes })

export const identity = (bytes: Uint8Array, codec = RAW): CID => CID.createV1(codec, Digest.create(0, bytes))

export const dagOf = (...blocks: readonly Block[]): Dag => new Map(blocks.map((one) => [one.cid.toString(), one]))

/** A UnixFS directory over the entries given, as one node. */
export function folder(entries: readonly (readonly [name: string, cid: CID, dagBytes?: number])[]): Block {
  const Links = entries.map(([Name, Hash, Tsize]) => ({ Name, Hash, ...(Tsize !== undefined && { Tsize }) }))
  return block(pb.encode(pb.prepare({ Data: new UnixFS({ type: 'directory' }).marshal(), Links })), DAG_PB)
}

/** A UnixFS file over the parts given, with the sizes that are claimed of them. */
export function fileOver(parts: readonly (readonly [cid: CID, byteLength: number])[]): Block {
  const file = new UnixFS({ type: 'file' })
  for (const [, byteLength] of parts) file.addBlockSize(BigInt(byteLength))
  return block(pb.encode(pb.prepare({ Data: file.marshal(), Links: parts.map(([Hash]) => ({ Name: '', Hash, Tsize: 1 })) })), DAG_PB)
}

/** What the importer makes of files under a profile; a chunk size of its own makes a layout that no profile has. */
export async function imported(
  contents: Readonly<Record<string, Uint8Array>> | Uint8Array,
  profile: Profile,
  more: { readonly chunkSize?: number; readonly shardSplitThresholdBytes?: number } = {},
): Promise<{ readonly root: CID; readonly dag: Dag }> {
  const dag: Dag = new Map()
  const store = {
    async put(cid: CID, bytes: Uint8Array) {
      dag.set(cid.toString(), { cid, bytes })
      return cid
    },
  }
  const { chunkSize, ...rest } = more
  const options: ImporterOptions = { profile, ...(chunkSize && { chunker: fixedSize({ chunkSize }) }), ...rest }
  const single = contents instanceof Uint8Array
  const candidates = single ? [{ content: [contents] }] : Object.entries(contents).map(([path, bytes]) => ({ path, content: [bytes] }))
  const results = await all(importer(candidates, store, { ...options, wrapWithDirectory: !single }))
  const root = results.at(-1)?.cid
  if (!root) throw new RangeError('the importer gave nothing')
  return { root, dag }
}

/** Parents first, depth first, each block once: as gateways send it. */
export function inCarOrder(root: CID, dag: Dag): readonly Block[] {
  const order: Block[] = []
  const seen = new Set<string>()
  const stack = [root]
  for (let cid = stack.pop(); cid; cid = stack.pop()) {
    if (seen.has(cid.toString())) continue
    seen.add(cid.toString())
    const own = inlined(cid)
    const found = own ? { cid, bytes: own } : dag.get(cid.toString())
    if (!found) continue
    if (!own) order.push(found)
    stack.push(...[...linksOf(cid, found.bytes)].reverse())
  }
  return order
}

export const carOf = (root: CID, blocks: readonly Block[]): Buffer =>
  Buffer.concat([carHeader(root), ...blocks.flatMap(({ cid, bytes }) => [sectionPrefix(cid, bytes.byteLength), bytes])])

/** A gateway that ends with the test. */
export async function gateway(): Promise<FakeGateway> {
  const fake = await fakeGateway()
  onTestFinished(() => fake[Symbol.asyncDispose]())
  return fake
}

/** Gives the gateway single blocks, and the CAR of the root unless told otherwise. */
export function serve(fake: FakeGateway, root: CID, dag: Dag, { car = true }: { readonly car?: boolean } = {}): void {
  for (const { cid, bytes } of dag.values()) fake.hold(cid, bytes)
  if (car) fake.cars.set(root.toString(), carOf(root, inCarOrder(root, dag)))
}

/** Requests for CARs and for single blocks. */
export const asked = ({ requests }: FakeGateway) => ({
  cars: requests.filter(({ url }) => url.includes('format=car')).length,
  blocks: requests.filter(({ url }) => url.includes('format=raw')).length,
})

/** Neither the catalog nor the spool nor a vault knows of anything. */
export async function expectNothing(home: House): Promise<void> {
  expect(await spooled(home.folder)).toEqual([])
  expect(await home.archive.totals()).toMatchObject({ objects: 0, packs: 0 })
  for (const { list } of home.vaults) if (list) expect(await all(list())).toEqual([])
}
