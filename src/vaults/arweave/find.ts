/** Transactions of ours, found by their tags in the index of a gateway and believed for nothing but what their own signature says. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, PackKind } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { type Inclusion, inclusionOf } from './inclusion.ts'
import { isHash } from './locator.ts'
import { ask, askAll, type GatewayNode, type Heard, type Network, recordOf, worstOf } from './network.ts'
import type { Settings } from './options.ts'
import { filterFor, packIn } from './tagged.ts'
import { type VerifiedTransaction, verifiedTransaction } from './transaction.ts'

const PAGE = 100
/** No wallet brings one pack so many times; an index that says so is not read on. */
const MOST_HITS = 50

export type Found =
  | {
      readonly state: 'mined'
      readonly id: string
      readonly transaction: VerifiedTransaction
      readonly inclusion: Inclusion
      readonly host: string
    }
  /** Nobody shows its header yet. */
  | { readonly state: 'pending'; readonly id: string; readonly host: string }

interface Hit extends OfOurs {
  readonly cursor: string
}

export interface NamedHit extends OfOurs {
  /** Who names it. */
  readonly host: string
}

/** What indexes name for our wallet and that pack, each once; nothing of it is checked. Throws where no index answers. */
export async function hitsFor(settings: Settings, name: CID, { signal }: AbortOptions = {}): Promise<readonly NamedHit[]> {
  const { network } = settings
  const { address } = await settings.wallet()
  const { heard, failed } = await askAll(network, (node) => hitsOn(node, { address, name, first: MOST_HITS }, { signal }), { signal })
  assertIndexed(network, heard, failed)
  const hits = new Map<string, NamedHit>()
  for (const { node, value } of heard)
    for (const { id, bundle } of value?.hits ?? []) hits.set(id, { id, bundle: bundle ?? hits.get(id)?.bundle, host: node.host })
  return [...hits.values()]
}

/** Those hits that are transactions of our wallet for that pack, the deepest first. What the chain does not have is left out. */
export async function transactionsAmong(
  settings: Settings,
  name: CID,
  hits: readonly NamedHit[],
  { signal }: AbortOptions = {},
): Promise<readonly Found[]> {
  const { address } = await settings.wallet()
  const found: Found[] = []
  for (const { id, bundle, host } of hits) {
    const one = bundle === undefined ? await known(settings, { id, host, address, name }, { signal }) : undefined
    if (one) found.push(one)
  }
  return found.toSorted((a, b) => depthOf(b) - depthOf(a))
}

const depthOf = (found: Found): number => (found.state === 'mined' && found.inclusion.state === 'mined' ? found.inclusion.depth : -1)

/** A node without an index says nothing; that none of them has it must be said by as many as are believed. */
function assertIndexed(network: Network, heard: readonly Heard<Page | undefined>[], failed: readonly VaultError[]): void {
  const indexed = heard.filter(({ value }) => value !== undefined).length
  if (indexed > 0 && (failed.length === 0 || indexed >= network.quorum)) return
  if (indexed === 0 && failed.length === 0)
    throw new VaultError(
      'unsupported',
      network.id,
      'none of `gateways` has an index (GraphQL); name one that has, or packs cannot be found again',
    )
  throw worstOf(failed) ?? new VaultError('unreachable', network.id, 'too few gateways answered; ask again later')
}

interface Wanted {
  readonly id: string
  readonly host: string
  readonly address: string
  readonly name: CID
}

async function known(settings: Settings, { id, host, address, name }: Wanted, { signal }: AbortOptions): Promise<Found | undefined> {
  const { network } = settings
  const inclusion = await inclusionOf(network, id, { signal })
  if (inclusion.state === 'absent') return undefined
  if (inclusion.state === 'pending') return { state: 'pending', id, host }
  const transaction = await headerOf(network, id, { signal })
  if (transaction) {
    const isOurs = transaction.address === address && packIn(transaction.tags)?.name.equals(name) === true
    return isOurs ? { state: 'mined', id, transaction, inclusion, host } : undefined
  }
  // An index that made it up, or nodes that do not answer: whoever pays anew has to know which.
  if (inclusion.state === 'mined') throw new VaultError('unreachable', settings.id, `no gateway shows the header of ${id}; ask again later`)
  return undefined
}

/** The header of a mined transaction, signature and all, from the first node that shows one; undefined where none does. */
export async function headerOf(network: Network, id: string, { signal }: AbortOptions = {}): Promise<VerifiedTransaction | undefined> {
  const doing = `asking for transaction ${id}`
  for (const node of network.nodes) {
    try {
      const answer = await ask(node, { path: `/tx/${id}`, doing, signal })
      if (answer.status !== 200) continue
      const transaction = await verifiedTransaction(recordOf(answer))
      if (transaction?.id === id) return transaction
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof VaultError)) throw error
    }
  }
  return undefined
}

export interface OfOurs {
  readonly id: string
  /** The transaction that holds it, where it is a data item. */
  readonly bundle: string | undefined
}

/** Ids of everything that the indexes hold for our wallet, each once, unchecked. */
export async function* ofOurs(
  settings: Settings,
  { kind, signal }: AbortOptions & { readonly kind?: PackKind | undefined } = {},
): AsyncGenerator<OfOurs> {
  const { network } = settings
  const { address } = await settings.wallet()
  const seen = new Set<string>()
  const failed: VaultError[] = []
  let indexed = 0
  for (const node of network.nodes) {
    try {
      for (let after: string | undefined; ; ) {
        const page = await hitsOn(node, { address, kind, first: PAGE, after }, { signal })
        if (!page) break
        for (const { id, bundle } of page.hits) {
          if (seen.has(id)) continue
          seen.add(id)
          yield { id, bundle }
        }
        const next = page.hasMore ? page.hits.at(-1)?.cursor : undefined
        if (next === undefined || next === after) {
          indexed++
          break
        }
        after = next
      }
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof VaultError)) throw error
      failed.push(error)
    }
  }
  if (indexed > 0 && (failed.length === 0 || indexed >= network.quorum)) return
  throw worstOf(failed) ?? new VaultError('unsupported', network.id, 'none of `gateways` has an index (GraphQL); name one that has')
}

interface Page {
  readonly hits: readonly Hit[]
  readonly hasMore: boolean
}

interface Filter {
  readonly address: string
  readonly name?: CID | undefined
  readonly kind?: PackKind | undefined
  readonly first: number
  readonly after?: string | undefined
}

const QUERY = `query ($owners: [String!], $tags: [TagFilter!], $first: Int, $after: String) {
  transactions(owners: $owners, tags: $tags, first: $first, after: $after, sort: HEIGHT_DESC) {
    pageInfo { hasNextPage }
    edges { cursor node { id bundledIn { id } } }
  }
}`

/** Undefined where the node has no index. */
async function hitsOn(
  node: GatewayNode,
  { address, name, kind, first, after }: Filter,
  { signal }: AbortOptions,
): Promise<Page | undefined> {
  const doing = name ? `looking for pack ${name}` : 'listing packs'
  const variables = { owners: [address], tags: filterFor({ name, kind }), first, ...(after !== undefined && { after }) }
  const answer = await ask(node, { method: 'POST', path: '/graphql', body: JSON.stringify({ query: QUERY, variables }), doing, signal })
  if (answer.status === 404 || answer.status === 405) return undefined
  const page = pageIn(recordOf(answer)?.data)
  if (answer.status === 200 && page) return page
  throw new VaultError('unreachable', node.id, `${doing}: the index of ${node.host} does not answer as one does; ask another gateway`)
}

function pageIn(data: unknown): Page | undefined {
  const { transactions } = fieldsOf(data)
  const { edges, pageInfo } = fieldsOf(transactions)
  if (!Array.isArray(edges)) return undefined
  const hits = edges.flatMap((edge: unknown): Hit[] => {
    const { cursor, node } = fieldsOf(edge)
    const { id, bundledIn } = fieldsOf(node)
    const bundle = fieldsOf(bundledIn).id
    return isHash(id) && typeof cursor === 'string' ? [{ id, cursor, bundle: isHash(bundle) ? bundle : undefined }] : []
  })
  return { hits, hasMore: fieldsOf(pageInfo).hasNextPage === true }
}

const BUNDLE_QUERY = `query ($ids: [ID!]) {
  transactions(ids: $ids, first: 1) {
    pageInfo { hasNextPage }
    edges { cursor node { id bundledIn { id } } }
  }
}`

/** What indexes say of the bundle of an item: where to look, and no more. Throws where none answers. */
export async function bundlesOf(network: Network, id: string, { signal }: AbortOptions = {}): Promise<readonly string[]> {
  const doing = `asking for the bundle of ${id}`
  const body = JSON.stringify({ query: BUNDLE_QUERY, variables: { ids: [id] } })
  const { heard, failed } = await askAll(
    network,
    async (node) => {
      const answer = await ask(node, { method: 'POST', path: '/graphql', body, doing, signal })
      if (answer.status === 404 || answer.status === 405) return undefined
      const page = pageIn(recordOf(answer)?.data)
      if (answer.status === 200 && page) return page
      throw new VaultError('unreachable', node.id, `${doing}: the index of ${node.host} does not answer as one does; ask another gateway`)
    },
    { signal },
  )
  assertIndexed(network, heard, failed)
  return [...new Set(heard.flatMap(({ value }) => (value?.hits ?? []).flatMap((hit) => (hit.id === id && hit.bundle ? [hit.bundle] : []))))]
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> => (typeof value === 'object' && value !== null ? { ...value } : {})
