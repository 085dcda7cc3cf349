/** `ROOT[/path]` as people write it. */
import { UsageError } from './errors.ts'

export interface Reference {
  readonly root: string
  /** Absent for the object itself. */
  readonly path?: string
}

/** Takes `ROOT`, `ROOT/path`, and either after `/ipfs/` or `ipfs://`, as links to it are commonly pasted. */
export function parseReference(text: string): Reference {
  const bare = text.replace(/^(ipfs:\/\/|\/ipfs\/)/, '')
  const slash = bare.indexOf('/')
  const root = slash < 0 ? bare : bare.slice(0, slash)
  const path = slash < 0 ? '' : bare.slice(slash + 1).replace(/\/+$/, '')
  if (root === '') throw new UsageError(`${JSON.stringify(text)} names no object; give the root that put printed`)
  return path === '' ? { root } : { root, path }
}
