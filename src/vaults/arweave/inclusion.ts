/**
 * Whether a transaction is in the chain, and how deep, by what the nodes agree on. One alone is believed in nothing: a status that only one node
 * gives may be a fork, a cache or a lie.
 */
import type { AbortOptions, Standing } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { isHash } from './locator.ts'
import { ask, askAll, type GatewayNode, type Hearing, type Network, recordOf, worstOf } from './network.ts'

/** So deep a transaction is taken to be there, and so deep to stay there. */
export const PROVISIONAL_DEPTH = 10
export const FINAL_DEPTH = 50

export const depthInWords = (depth: number): string =>
  `${depth} deep (${depth >= FINAL_DEPTH ? 'final' : depth >= PROVISIONAL_DEPTH ? 'provisional' : 'not deep yet'})`

/** Deep enough, and by more than one gateway, which would agree with itself. */
export const isShown = (inclusion: Inclusion): boolean =>
  inclusion.state === 'mined' && inclusion.agreeing > 1 && inclusion.depth >= PROVISIONAL_DEPTH

/** What one node says of a transaction. */
export type Word =
  | { readonly state: 'mined'; readonly block: string; readonly height: number; readonly depth: number }
  | { readonly state: 'pending' }
  | { readonly state: 'absent' }

/** What they say together. `unsure`: too few answered, or they contradict each other. */
export type Inclusion =
  | { readonly state: 'mined'; readonly block: string; readonly height: number; readonly depth: number; readonly agreeing: number }
  | { readonly state: 'pending' }
  | { readonly state: 'absent' }
  | { readonly state: 'unsure'; readonly why: string; readonly trouble?: VaultError | undefined }

/** Asks every node. Never rejects but for an abort: silence is `unsure`. */
export async function inclusionOf(network: Network, id: string, { signal }: AbortOptions = {}): Promise<Inclusion> {
  const hearing = await askAll(network, (node) => wordOf(node, id, { signal }), { signal })
  return agreed(network, hearing)
}

async function wordOf(node: GatewayNode, id: string, { signal }: AbortOptions): Promise<Word> {
  const doing = `asking for the block of ${id}`
  const answer = await ask(node, { path: `/tx/${id}/status`, doing, signal })
  if (answer.status === 202) return { state: 'pending' }
  if (answer.status === 404 || answer.status === 410) return { state: 'absent' }
  const { block_height: height, block_indep_hash: block, number_of_confirmations: depth } = recordOf(answer) ?? {}
  if (answer.status !== 200 || !isCount(height) || !isCount(depth) || !isBlock(block))
    throw new VaultError('unreachable', node.id, `${doing}: ${node.host} does not answer as a node does; ask another gateway`)
  return { state: 'mined', block, height, depth }
}

/** Two that name the same block are believed, whatever a third says; of their depths the lesser. */
export function agreed({ quorum, nodes }: Network, { heard, failed }: Hearing<Word>): Inclusion {
  const words = heard.map(({ value }) => value)
  const enough = Math.min(quorum, nodes.length)
  const byBlock = Map.groupBy(
    words.filter((word) => word.state === 'mined'),
    ({ block }) => block,
  )
  const [largest = []] = [...byBlock.values()].toSorted((a, b) => b.length - a.length)
  const [first] = largest
  const isContested = [...byBlock.values()].filter(({ length }) => length === largest.length).length > 1
  if (first && largest.length >= enough && !isContested)
    return { ...first, depth: Math.min(...largest.map(({ depth }) => depth)), agreeing: largest.length }
  const absent = words.filter(({ state }) => state === 'absent').length
  const pending = words.filter(({ state }) => state === 'pending').length
  if (byBlock.size === 0 && pending > 0) return { state: 'pending' }
  if (byBlock.size === 0 && absent >= enough) return { state: 'absent' }
  const trouble = worstOf(failed)
  const count = words.length - absent - pending
  return {
    state: 'unsure',
    why: `${count} of ${nodes.length} gateways name a block, ${pending} say that it is pending, ${absent} that there is none, ${failed.length} gave no answer`,
    ...(trouble && { trouble }),
  }
}

/** A claim, as every standing. Throws where nobody answers. */
export function standingOf(inclusion: Inclusion, id: string): Standing {
  if (inclusion.state === 'mined') return inclusion.depth >= PROVISIONAL_DEPTH ? 'held' : 'settling'
  if (inclusion.state === 'pending') return 'settling'
  if (inclusion.state === 'absent') return 'absent'
  if (inclusion.trouble?.code === 'denied') throw inclusion.trouble
  throw new VaultError('unreachable', id, `the gateways do not agree: ${inclusion.why}; ask again, or with other gateways`, {
    cause: inclusion.trouble,
  })
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

/** 48 bytes in base64url. */
const isBlock = (value: unknown): value is string => typeof value === 'string' && (/^[A-Za-z0-9_-]{64}$/.test(value) || isHash(value))
