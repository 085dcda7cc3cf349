/** Extended attributes in memory: they belong to files and directories by inode, as a kernel keeps them, and say no on request. */
import { statSync } from 'node:fs'
import type { XattrFunctions } from '../../src/contracts.ts'

export interface MemoryXattrs {
  readonly functions: XattrFunctions
  /** Those of what a path leads to; to be changed at will. */
  of(path: string): Map<string, Uint8Array>
  /** System codes by name of the attribute; `*` for all. */
  readonly faults: { readonly get: Map<string, string>; readonly set: Map<string, string>; list?: string | undefined }
  /** Names that were set, in order. */
  readonly written: string[]
}

const MOST_BYTES = 64 * 1024
const OWNER_WRITE = 0o200n

export function memoryXattrs({
  strict = false,
}: {
  /** Nothing is set on what is read-only. */ readonly strict?: boolean
} = {}): MemoryXattrs {
  const byInode = new Map<string, Map<string, Uint8Array>>()
  const faults: MemoryXattrs['faults'] = { get: new Map(), set: new Map() }
  const written: string[] = []
  const of = (path: string) => {
    const { dev, ino } = statSync(path, { bigint: true })
    const key = `${dev}:${ino}`
    const known = byInode.get(key) ?? new Map<string, Uint8Array>()
    byInode.set(key, known)
    return known
  }
  const fail = (code: string | undefined) => {
    if (code !== undefined) throw Object.assign(new TypeError(`the system says ${code}`), { code })
  }
  const functions: XattrFunctions = {
    listAttributesSync(path) {
      fail(faults.list)
      return [...of(path).keys()]
    },
    getAttributeSync(path, name) {
      fail(faults.get.get(name) ?? faults.get.get('*'))
      const value = of(path).get(name)
      if (value) return value
      throw Object.assign(new TypeError('there is none'), { code: 'ENODATA' })
    },
    setAttributeSync(path, name, value) {
      fail(faults.set.get(name) ?? faults.set.get('*'))
      if (strict && (statSync(path, { bigint: true }).mode & OWNER_WRITE) === 0n) fail('EACCES')
      if (value.byteLength > MOST_BYTES) fail('E2BIG')
      written.push(name)
      of(path).set(name, new Uint8Array(value))
    },
  }
  return { functions, of, faults, written }
}
