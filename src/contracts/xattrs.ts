/** Extended attributes: what reads and sets them, and what came of it. */

/** Names and values of one file or directory. */
export type Xattrs = Readonly<Record<string, Uint8Array>>

/**
 * What reads and sets extended attributes: the part of the package `fs-xattr` that is used. Paths are followed to what they lead to; errors carry the
 * system's code (`ENODATA`, `ENOTSUP`, …).
 */
export interface XattrFunctions {
  listAttributesSync(path: string): readonly string[]
  getAttributeSync(path: string, name: string): Uint8Array
  setAttributeSync(path: string, name: string, value: Buffer): void
}

/** Asked when the first attribute is to be read or set; rejects where there is no way to them. */
export type LoadXattrs = () => Promise<XattrFunctions>

/** An attribute that was not kept, or not set, and why. */
export interface XattrProblem {
  /** Relative to the source or the object. */
  readonly path: string
  readonly name: string
  readonly reason: string
}

/** What a restore did with the attributes that were kept. */
export interface XattrReport {
  /** How many are there now as they were kept. */
  readonly set: number
  /** How many are not. */
  readonly refused: number
  /** The first thousand of those. */
  readonly refusals: readonly XattrProblem[]
}
