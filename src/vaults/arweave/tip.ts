/** Where the chain is. */
import type { AbortOptions } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { ask, askAll, type GatewayNode, type Network, recordOf, textOf, worstOf } from './network.ts'

/** Blocks for which an anchor is good. */
const ANCHOR_BLOCKS = 50
/** Forks, and nodes that lag behind. */
const MARGIN_BLOCKS = 10

/** A recent block for a transaction to name. Throws VaultError where no node gives one. */
export async function anchorOf(network: Network, { signal }: AbortOptions): Promise<string> {
  const doing = 'asking for an anchor'
  const { heard, failed } = await askAll(
    network,
    async (node) => {
      const answer = await ask(node, { path: '/tx_anchor', doing, signal })
      const anchor = textOf(answer).trim()
      if (answer.status === 200 && isBlockHash(anchor)) return anchor
      throw new VaultError('unreachable', node.id, `${doing}: ${node.host} does not answer as a node does; ask another gateway`)
    },
    { signal },
  )
  const [first] = heard
  if (first) return first.value
  throw worstOf(failed) ?? new VaultError('unreachable', network.id, `${doing}: no gateway answered`)
}

/** 48 bytes in base64url. The id of a wallet's last transaction would do as well, and would never grow old. */
const isBlockHash = (text: string): boolean => /^[A-Za-z0-9_-]{64}$/.test(text)

/** What each node takes for the height of the chain. Throws VaultError where too few answer for one of them to be checked by another. */
async function heights(network: Network, { signal }: AbortOptions): Promise<readonly number[]> {
  const doing = 'asking for the height of the chain'
  const { heard, failed } = await askAll(network, (node) => heightAt(node, doing, { signal }), { signal })
  if (heard.length >= Math.min(network.quorum, network.nodes.length)) return heard.map(({ value }) => value)
  throw worstOf(failed) ?? new VaultError('unreachable', network.id, `${doing}: too few gateways answered`)
}

async function heightAt(node: GatewayNode, doing: string, { signal }: AbortOptions): Promise<number> {
  const answer = await ask(node, { path: '/info', doing, signal })
  const height = recordOf(answer)?.height
  if (answer.status === 200 && typeof height === 'number' && Number.isSafeInteger(height) && height >= 0) return height
  throw new VaultError('unreachable', node.id, `${doing}: ${node.host} does not answer as a node does; ask another gateway`)
}

/** The greatest that any node names: what was signed then is good for at most 50 blocks more. */
export const heightNow = async (network: Network, options: AbortOptions): Promise<number> => Math.max(...(await heights(network, options)))

/** Can a transaction that was signed at that height be in no new block any more? By the word of the node that is furthest behind. */
export const isOver = async (network: Network, signedAt: number, options: AbortOptions): Promise<boolean> =>
  Math.min(...(await heights(network, options))) > signedAt + ANCHOR_BLOCKS + MARGIN_BLOCKS
