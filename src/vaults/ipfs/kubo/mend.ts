/** Making a DAG whole again that a node holds in part or damaged. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, Dag } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import { inlined, isBlockOf } from '../embedded/block-id.ts'
import { drop, stateOf, storeBlock } from './blocks.ts'
import { carBlocks } from './car-blocks.ts'
import { type ImportOptions, importDag } from './import.ts'
import type { Node } from './options.ts'
import { isPinned, unpin } from './pins.ts'

/**
 * `dag/import` alone repairs nothing: what the node believes to hold it does not write again. So every block is looked at, those that are gone are stored, and
 * those that are damaged are deleted and stored. The whole DAG is read from the archive first, and each block once more before the damaged one in its place
 * goes: the node never loses bytes that nobody else showed. The pin stays, unless a damaged inner node is to be deleted, which the node does only without it.
 */
export async function mend(node: Node, dag: Dag, options: ImportOptions): Promise<void> {
  for (const lost of await lookThrough(node, dag, options)) {
    const bytes = await dag.block(lost.cid, options)
    if (!bytes || !isBlockOf(lost.cid, bytes)) throw unreadable(node, lost.cid)
    if (lost.state === 'damaged') await dropOrUnpin(node, dag.root, lost.cid, options)
    await storeBlock(node, lost.cid, bytes, options)
  }
  if (await isPinned(node, dag.root, options)) return
  if (!(await importDag(node, dag, options))) throw notPinned(node, dag.root)
}

export const notPinned = ({ id }: Node, root: CID) =>
  new VaultError('unreachable', id, `${root} was imported and could not be pinned; look at the log of the node, then repair`)

interface Lost {
  readonly cid: CID
  readonly state: 'damaged' | 'absent'
}

async function lookThrough(node: Node, dag: Dag, { signal }: AbortOptions): Promise<readonly Lost[]> {
  const lost: Lost[] = []
  for await (const { cid, bytes } of carBlocks(dag.car({ signal }))) {
    if (inlined(cid)) continue
    if (!isBlockOf(cid, bytes)) throw unreadable(node, cid)
    const state = await stateOf(node, cid, bytes.byteLength, { signal })
    if (state !== 'whole') lost.push({ cid, state })
  }
  return lost
}

async function dropOrUnpin(node: Node, root: CID, cid: CID, options: AbortOptions): Promise<void> {
  if (await drop(node, cid, options)) return
  await unpin(node, root, options)
  if (await drop(node, cid, options)) return
  const advice = 'unpin what else leads to it, or delete its file while the node is stopped, then repair again'
  throw new VaultError('conflict', node.id, `block ${cid} is damaged, and the node does not let go of it; ${advice}`)
}

const unreadable = ({ id }: Node, cid: CID) =>
  new VaultError(
    'damaged',
    id,
    `block ${cid} could not be read whole from the archive, so that nothing was replaced; verify the other copies`,
  )
