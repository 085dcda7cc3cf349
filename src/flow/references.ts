/** What a root may be said as: a CID, its text, or the address of it on IPFS, which is only read. */
import { CID } from 'multiformats/cid'
import { parseIpfsUrl } from '../bytes/ipfs-url.ts'
import { FormatError } from '../errors.ts'
import { DAG_PB, toCID } from '../format/address.ts'

export interface Reference {
  readonly cid: CID
  /** Names below the CID, joined; empty for the object itself. */
  readonly path: string
}

const SCHEME = /^\s*[a-z][a-z0-9+.-]*:\/\//i
const SHA2_256 = 0x12

/** Throws FormatError `invalid-cid`, and `malformed` or `unsupported` for other URLs. */
export function referenceOf(root: CID | string): Reference {
  if (typeof root !== 'string' || !SCHEME.test(root)) return { cid: toCID(root), path: '' }
  const { cid, path } = parseIpfsUrl(root)
  return { cid, path: path.join('/') }
}

/** For verbs that take objects as a whole. Throws FormatError `malformed` for a path. */
export function wholeOf(root: CID | string): CID {
  const { cid, path } = referenceOf(root)
  if (path === '') return cid
  throw new FormatError(
    'malformed',
    `${JSON.stringify(path)} lies inside of ${cid}, and this takes the object as a whole; leave out the path`,
  )
}

/** The same root in the other version: subdomains of gateways cannot hold a CIDv0. */
export function otherVersionOf({ version, code, multihash }: CID): CID | undefined {
  if (code !== DAG_PB || multihash.code !== SHA2_256) return undefined
  return CID.create(version === 0 ? 1 : 0, DAG_PB, multihash)
}

/** A path in an object, below another one. */
export const pathBelow = (above: string, path: string | undefined): string | undefined =>
  above === '' ? path : path === undefined || path === '' ? above : `${above}/${path}`
