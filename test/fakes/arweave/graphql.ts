/** The one GraphQL query that gateways are asked here, `transactions`, by its variables; the selection is not looked at. */
import { createHash } from 'node:crypto'
import { type Behaviour, isHidden } from './behaviour.ts'
import { contentType, plainTags } from './gateway.ts'
import { addressOf, b64url, sha256 } from './library.ts'
import type { Chain, Tag } from './types.ts'
import { json, objectOf, type Reply } from './wire.ts'

const MAX_PAGE = 100
const DEFAULT_PAGE = 10

interface TagFilter {
  readonly name: string
  readonly values: readonly string[]
}

interface Variables {
  readonly ids?: readonly string[] | null
  readonly owners?: readonly string[] | null
  readonly tags?: readonly TagFilter[] | null
  readonly first?: number | null
  readonly after?: string | null
  readonly sort?: 'HEIGHT_DESC' | 'HEIGHT_ASC' | null
}

interface Hit {
  readonly id: string
  readonly owner: { readonly address: string; readonly key: string }
  readonly size: number
  readonly tags: readonly Tag[]
  readonly height: number | undefined
  readonly bundle: string | undefined
  readonly order: number
}

export function graphqlReply(chain: Chain, behaviour: Behaviour, body: Buffer): Reply {
  const asked = objectOf(body)
  if (typeof asked?.query !== 'string' || !/\btransactions\b/.test(asked.query)) {
    return json(400, { errors: [{ message: 'the fake knows the query `transactions` only' }] })
  }
  const variables = (asked.variables ?? {}) as Variables
  const hits = hitsOf(chain).filter((hit) => !isHidden(behaviour, hit.id) && matches(hit, variables))
  hits.sort((a, b) => (b.height ?? Number.POSITIVE_INFINITY) - (a.height ?? Number.POSITIVE_INFINITY) || b.order - a.order)
  if (variables.sort === 'HEIGHT_ASC') hits.reverse()
  const last = variables.after ? hits.findIndex(({ id }) => cursorOf(id) === variables.after) : -1
  if (variables.after && last === -1) return json(400, { errors: [{ message: 'invalid cursor' }] })
  const from = last + 1
  const until = from + Math.min(variables.first ?? DEFAULT_PAGE, MAX_PAGE)
  const listed = [...(behaviour.listsForeign ? foreign(chain, variables) : []), ...hits.slice(from, until)]
  const edges = listed.map((hit) => ({ cursor: cursorOf(hit.id), node: nodeOf(chain, hit) }))
  return json(200, { data: { transactions: { pageInfo: { hasNextPage: until < hits.length }, edges } } })
}

/** Opaque, and good as long as its hit is listed. */
const cursorOf = (id: string) => b64url(Buffer.from(`after ${id}`))

function hitsOf(chain: Chain): Hit[] {
  const order = (id: string) => chain.sent.get(id)?.order ?? Number.MAX_SAFE_INTEGER
  const items = [...chain.items.values()].map(({ id, bundle, data, tags = [], owner }) => ({
    id,
    owner: owner.length > 43 ? { address: addressOf(owner), key: owner } : { address: owner, key: '' },
    size: data.byteLength,
    tags,
    height: chain.sent.get(bundle)?.height,
    bundle,
    order: order(bundle),
  }))
  const transactions = [...chain.sent.values()].map(({ header, address, height }) => ({
    id: header.id,
    owner: { address, key: header.owner },
    size: Number(header.data_size),
    tags: plainTags(header.tags),
    height,
    bundle: undefined,
    order: order(header.id),
  }))
  return [...items, ...transactions]
}

function matches({ id, owner, tags }: Hit, { ids, owners, tags: filters }: Variables): boolean {
  const hasTag = ({ name, values }: TagFilter) => tags.some((tag) => tag.name === name && values.includes(tag.value))
  return (ids?.includes(id) ?? true) && (owners?.includes(owner.address) ?? true) && (filters?.every(hasTag) ?? true)
}

function nodeOf(chain: Chain, { id, owner, size, tags, height, bundle }: Hit) {
  const block = height === undefined ? undefined : chain.blockAt(height)
  return {
    id,
    owner,
    data: { size: `${size}`, type: contentType(tags) ?? null },
    tags,
    block: block ? { height: block.height, timestamp: block.timestamp, id: block.indep_hash } : null,
    bundledIn: bundle === undefined ? null : { id: bundle },
  }
}

/** The right tags of a wrong owner, and the right owner with wrong tags. */
function foreign(chain: Chain, { owners, tags }: Variables): Hit[] {
  const idOf = (word: string) => b64url(sha256(Buffer.from(word)))
  const key = createHash('sha512').update('a stranger').digest('base64url').padEnd(683, 'A')
  const asked = (tags ?? []).map(({ name, values }) => ({ name, value: values[0] ?? '' }))
  const mine = { address: owners?.[0] ?? addressOf(key), key: '' }
  const common = { size: 1_000, height: chain.height(), bundle: undefined, order: 0 }
  return [
    { ...common, id: idOf('foreign owner'), owner: { address: addressOf(key), key }, tags: asked },
    { ...common, id: idOf('foreign tags'), owner: mine, tags: asked.map(({ name }) => ({ name, value: 'something else' })) },
  ]
}
