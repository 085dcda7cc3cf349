/** `ROOT[/path]` as people write it. */
import { parseIpfsUrl } from '../bytes/ipfs-url.ts'
import { UsageError } from './errors.ts'

export interface Reference {
  readonly root: string
  /** Absent for the object itself. */
  readonly path?: string
}

/** The same for commands that take an object as a whole and could not be undone. Throws UsageError for a path. */
export function parseRoot(text: string): string {
  const { root, path } = parseReference(text)
  if (path === undefined) return root
  throw new UsageError(`${JSON.stringify(path)} lies inside of ${root}, and this takes the object as a whole; leave out the path`)
}

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i

/**
 * Takes `ROOT`, `ROOT/path`, and either after `/ipfs/`, with the path as it is; and `ipfs://ROOT/path` and URLs of gateways, whose path is percent-encoded.
 * A gateway only names the object: it is not asked. Throws FormatError for URLs that name nothing on IPFS.
 */
export function parseReference(text: string): Reference {
  if (SCHEME.test(text)) {
    const { cid, path } = parseIpfsUrl(text)
    return path.length === 0 ? { root: cid.toString() } : { root: cid.toString(), path: path.join('/') }
  }
  const bare = text.replace(/^\/ipfs\//, '')
  const slash = bare.indexOf('/')
  const root = slash < 0 ? bare : bare.slice(0, slash)
  const path = slash < 0 ? '' : bare.slice(slash + 1).replace(/\/+$/, '')
  if (root === '') throw new UsageError(`${JSON.stringify(text)} names no object; give the root that put printed`)
  return path === '' ? { root } : { root, path }
}
