/** An IPFS node within this process: Helia on libp2p, on the loopback interface unless told otherwise, with no way to find or be found by anybody. */
import type { Helia } from 'helia'
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import { readThrough } from './blockstore.ts'
import { blockFetcher, type FetchOptions } from './fetch.ts'
import { loadPackages, type Packages } from './packages.ts'
import { blockServer } from './serve.ts'
import type { BlockSource } from './source.ts'
import { sourcesOf } from './sources.ts'
import { exchangeOn } from './streams.ts'

const LOOPBACK = '/ip4/127.0.0.1/tcp/0'
const MAX_PEERS = 64
const DIAL_MS = 10_000

export interface NodeOptions {
  /** How errors name the node; default `ipfs-node`. */
  readonly id?: string | undefined
  /** Multiaddrs to listen at; default a free port of 127.0.0.1. An empty list: it can only call. */
  readonly listen?: readonly string[] | undefined
  /** Multiaddrs of peers to connect to at once; default none. One that does not answer fails the start. */
  readonly bootstrap?: readonly string[] | undefined
  /** What it serves from the start. */
  readonly blocks?: readonly BlockSource[] | undefined
  /** Connections beyond are pruned; default 64. */
  readonly maxPeers?: number | undefined
}

export interface EmbeddedNode extends AsyncDisposable {
  readonly peerId: string
  /** Where it can be called, peer id included. */
  readonly addresses: readonly string[]
  /** Serves the blocks to every peer that asks, until the function it returns is called. */
  serve(source: BlockSource): () => void
  /**
   * A block from peers, hashed; never from what this node serves itself. Throws VaultError `absent`, `unreachable` for silence and for peers that are
   * not there, `damaged` for another block in its place, and FormatError `limit` or `unsupported`.
   */
  fetch(cid: CID, options?: FetchOptions): Promise<Uint8Array>
  /** Calls a peer; resolves to its peer id. */
  connect(address: string, options?: AbortOptions): Promise<string>
  /** Peer ids of those that are connected. */
  peers(): readonly string[]
  /** For `unixfs(node.helia)` of @helia/unixfs: reads what is served and, where that ends, what peers have. Nothing is kept. */
  readonly helia: Pick<Helia, 'blockstore'>
  close(): Promise<void>
}

/** Starts a node. It has a new identity each time, keeps no file, and calls nobody but the peers it is told to. */
export async function embeddedNode(options: NodeOptions = {}): Promise<EmbeddedNode> {
  const { id = 'ipfs-node', bootstrap = [] } = options
  const packages = await loadPackages(id)
  const sources = sourcesOf(options.blocks ?? [])
  const helia = await started(id, packages, options, readThrough(sources))
  const { libp2p } = helia
  const exchange = exchangeOn(id, libp2p)
  const server = blockServer(sources, exchange.send)
  const fetcher = blockFetcher(id, exchange.peers, exchange.send)
  let closing: Promise<void> | undefined

  helia.addBlockBroker({ name: 'perdure', retrieve: (cid, { signal } = {}) => fetcher.fetch(cid, { signal }) })
  libp2p.addEventListener('peer:disconnect', ({ detail }) => {
    server.forget(detail.toString())
    fetcher.forget(detail.toString())
  })
  await exchange.listen((peer, message) => {
    server.receive(peer, message)
    fetcher.receive(peer, message)
  })

  const node: EmbeddedNode = {
    peerId: libp2p.peerId.toString(),
    addresses: libp2p.getMultiaddrs().map(String),
    helia,
    peers: exchange.peers,
    fetch: fetcher.fetch,
    serve(source) {
      const stop = sources.add(source)
      server.recheck()
      return stop
    },
    async connect(address, { signal } = {}) {
      const limited = signal ? AbortSignal.any([signal, AbortSignal.timeout(DIAL_MS)]) : AbortSignal.timeout(DIAL_MS)
      try {
        const { remotePeer } = await libp2p.dial(parsed(id, packages, address), { signal: limited })
        return remotePeer.toString()
      } catch (cause) {
        signal?.throwIfAborted()
        if (cause instanceof VaultError) throw cause
        throw new VaultError('unreachable', id, `no IPFS node answers at ${address}`, { cause })
      }
    },
    close() {
      fetcher.close()
      server.close()
      closing ??= helia.stop().then(() => undefined)
      return closing
    },
    [Symbol.asyncDispose]: () => node.close(),
  }
  try {
    await Promise.all(bootstrap.map((address) => node.connect(address)))
    return node
  } catch (error) {
    await node.close()
    throw error
  }
}

async function started(id: string, packages: Packages, options: NodeOptions, blockstore: ReturnType<typeof readThrough>) {
  const { listen = [LOOPBACK], maxPeers = MAX_PEERS } = options
  for (const address of listen) parsed(id, packages, address)
  // Nothing but what two peers need to exchange blocks: no discovery, routing, relay, port mapping or name resolution.
  const helia = packages.withLibp2pLight(packages.createHeliaLight({ blockstore }), {
    addresses: { listen: [...listen] },
    transports: [packages.tcp()],
    connectionEncrypters: [packages.noise()],
    streamMuxers: [packages.yamux()],
    services: { identify: packages.identify() },
    connectionManager: { maxConnections: maxPeers },
  })
  try {
    await helia.start()
    return helia
  } catch (cause) {
    await helia.stop().catch(() => undefined)
    throw new VaultError('invalid', id, `the node cannot listen at ${listen.join(', ')}; is the port in use?`, { cause })
  }
}

function parsed(id: string, { multiaddr }: Packages, address: string) {
  try {
    return multiaddr(address)
  } catch (cause) {
    throw new VaultError('invalid', id, `${JSON.stringify(address)} is no multiaddr; they look like ${LOOPBACK}`, { cause })
  }
}
