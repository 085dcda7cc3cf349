/** What the embedded node is made of: optional packages, loaded when a node is started. */
import { VaultError } from '../../../errors.ts'

const NAMES = ['helia', '@helia/libp2p', '@libp2p/tcp', '@libp2p/noise', '@libp2p/yamux', '@libp2p/identify'] as const

/** Throws VaultError `unsupported`, which names every package to install. */
export async function loadPackages(id: string) {
  try {
    const [helia, libp2p, tcp, noise, yamux, identify, multiaddr] = await Promise.all([
      import('helia'),
      import('@helia/libp2p'),
      import('@libp2p/tcp'),
      import('@libp2p/noise'),
      import('@libp2p/yamux'),
      import('@libp2p/identify'),
      import('@multiformats/multiaddr'),
    ])
    return { ...helia, ...libp2p, ...tcp, ...noise, ...yamux, ...identify, ...multiaddr }
  } catch (cause) {
    // `helia` brings the others of its family along, and fails without them.
    const all = [...NAMES, '@helia/bitswap', '@helia/unixfs'].join(' ')
    throw new VaultError('unsupported', id, `an embedded IPFS node needs Helia 7 and libp2p 3; run \`npm install ${all}\``, { cause })
  }
}

export type Packages = Awaited<ReturnType<typeof loadPackages>>
