import { withBitswap } from '@helia/bitswap'
import { withLibp2pLight } from '@helia/libp2p'
import { unixfs } from '@helia/unixfs'
import { identify } from '@libp2p/identify'
import type { PrivateKey } from '@libp2p/interface'
import { noise as encrypter } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createHeliaLight } from 'helia'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Dag } from '../../../src/contracts.ts'
import { addressOf, DAG_PB, matches, RAW, toCID } from '../../../src/format/address.ts'
import { type BlockSource, type EmbeddedNode, heliaNode, type NodeOptions, replicaBlocks } from '../../../src/ipfs.ts'
import { encodeMessage, type Message, numbers } from '../../../src/vaults/ipfs/embedded/message.ts'
import { memory } from '../../../src/vaults/memory.ts'
import { bytesOf, house, noise } from '../../flow/house.ts'
import { peer } from './peer.ts'

const MIB = 1024 * 1024
void [
  withBitswap,
  withLibp2pLight,
  identify,
  tcp,
  yamux,
  encrypter,
  multiaddr,
  createHeliaLight,
  unixfs,
  DAG_PB,
  matches,
  toCID,
  encodeMessage,
  numbers,
  memory,
  bytesOf,
  house,
  CID,
  Digest,
  replicaBlocks,
  peer,
]
type Unused = [PrivateKey, Dag, Message]

const sourceOf = (...all: readonly Uint8Array[]): BlockSource & { asked: number } => {
  const blocks = new Map(all.map((bytes) => [`${addressOf(bytes, RAW)}`, bytes]))
  const source = {
    asked: 0,
    has: async (cid: CID) => blocks.has(`${cid}`),
    block: async (cid: CID) => {
      source.asked++
      return blocks.get(`${cid}`)
    },
  }
  return source
}

async function node(options: NodeOptions = {}): Promise<EmbeddedNode> {
  const started = await heliaNode(options)
  onTestFinished(() => started.close())
  return started
}

describe('two nodes', () => {
  it('exchange blocks', async () => {
    const bytes = noise(MIB)
    const a = await node({ blocks: [sourceOf(bytes)] })
    const b = await node({ bootstrap: a.addresses })
    expect(b.peers()).toEqual([a.peerId])
    expect(Buffer.compare(await b.fetch(addressOf(bytes, RAW)), bytes)).toBe(0)
    await expect(b.fetch(addressOf(noise(3), RAW))).rejects.toMatchObject({ code: 'absent' })
  })
})

export type { Unused }
