/** The way back: files, ranges, trees and paths from blocks whose hashes were checked. */

export { type LeafLink, leafLinks } from './unixfs-leaf-links.ts'
export type { ExportLimits, GetBlock } from './unixfs-node.ts'
export { fileByteLength, type ReadFileOptions, readFile } from './unixfs-read.ts'
export { type ResolveOptions, resolvePath, type WalkTreeOptions, walkTree } from './unixfs-walk.ts'
