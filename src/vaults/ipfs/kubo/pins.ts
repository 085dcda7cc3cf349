/** Recursive pins of a node. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import type { Node } from './options.ts'
import { askText } from './rpc.ts'

/** Is everything under the root kept from garbage collections, by a pin of its own? */
export async function isPinned(node: Node, root: CID, options: AbortOptions = {}): Promise<boolean> {
  const query = { arg: `${root}`, type: 'recursive' }
  try {
    await askText(node, { command: 'pin/ls', query, doing: `asking for the pin of ${root}` }, options)
    return true
  } catch (error) {
    if (error instanceof VaultError && error.code === 'absent') return false
    throw error
  }
}

/** Resolves when there is no such pin, also when there was none. */
export async function unpin(node: Node, root: CID, options: AbortOptions = {}): Promise<void> {
  if (!(await isPinned(node, root, options))) return
  try {
    await askText(node, { command: 'pin/rm', query: { arg: `${root}` }, doing: `unpinning ${root}` }, options)
  } catch (error) {
    options.signal?.throwIfAborted()
    // Another one may have been quicker.
    if (await isPinned(node, root, options)) throw error
  }
}
