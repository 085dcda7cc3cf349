/** What the embedded node is made of: optional packages, loaded when a node is started. */
import { VaultError } from '../../../errors.ts'

const NAMES = ['helia', '@helia/libp2p', '@libp2p/tcp', '@libp2p/noise', '@libp2p/yamux', '@libp2p/identify'] as const

export interface Packages {
  readonly createHeliaLight: typeof import('helia').createHeliaLight
  readonly withLibp2pLight: typeof import('@helia/libp2p').withLibp2pLight
  readonly tcp: typeof import('@libp2p/tcp').tcp
  readonly noise: typeof import('@libp2p/noise').noise
  readonly yamux: typeof import('@libp2p/yamux').yamux
  readonly identify: typeof import('@libp2p/identify').identify
  readonly multiaddr: typeof import('@multiformats/multiaddr').multiaddr
}

/** Throws VaultError `unsupported`, which names every package to install. */
export async function loadPackages(id: string): Promise<Packages> {
  try {
    const [{ createHeliaLight }, { withLibp2pLight }, { tcp }, { noise }, { yamux }, { identify }, { multiaddr }] = await Promise.all([
      import('helia'),
      import('@helia/libp2p'),
      import('@libp2p/tcp'),
      import('@libp2p/noise'),
      import('@libp2p/yamux'),
      import('@libp2p/identify'),
      import('@multiformats/multiaddr'),
    ])
    return { createHeliaLight, withLibp2pLight, tcp, noise, yamux, identify, multiaddr }
  } catch (cause) {
    // `helia` brings the others of its family along, and fails without them.
    const all = [...NAMES, '@helia/bitswap', '@helia/unixfs'].join(' ')
    throw new VaultError('unsupported', id, `an embedded IPFS node needs Helia 7 and libp2p 3; run \`npm install ${all}\``, { cause })
  }
}
