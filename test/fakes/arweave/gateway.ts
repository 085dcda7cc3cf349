/** What an Arweave gateway serves under the ids of transactions and data items: their data, whole or one range of it. */
import { type Behaviour, hidesData } from './behaviour.ts'
import { utf8 } from './library.ts'
import type { Chain, Tag } from './types.ts'
import { flipped } from './weave.ts'
import { type Asked, NOT_FOUND, PENDING, type Reply, text } from './wire.ts'

interface Found {
  readonly isMined: boolean
  readonly size: number
  readonly tags: readonly Tag[]
  readonly slice: (start: number, end: number) => Uint8Array | undefined
}

/** Tags of a header in plain text. */
export const plainTags = (tags: readonly Tag[]): Tag[] =>
  tags.map(({ name, value }) => ({ name: utf8(Buffer.from(name, 'base64url')), value: utf8(Buffer.from(value, 'base64url')) }))

export const contentType = (tags: readonly Tag[]): string | undefined =>
  tags.find(({ name }) => name.toLowerCase() === 'content-type')?.value

/** Undefined when the path is none of a gateway's. */
export function gatewayReply(chain: Chain, behaviour: Behaviour, { path, range }: Asked): Reply | undefined {
  const id = /^\/(?:raw\/)?([\w-]{43})$/.exec(path)?.[1]
  if (id === undefined) return undefined
  const found = hidesData(behaviour, id) ? undefined : find(chain, id)
  if (!found) return NOT_FOUND
  if (!found.isMined && !behaviour.optimistic) return PENDING
  const type = contentType(found.tags) ?? 'application/octet-stream'
  const headers = { 'content-type': type, 'accept-ranges': 'bytes' }
  const span = behaviour.rangeIgnored ? undefined : spanOf(range, found.size)
  if (span === 'beyond') return { ...text(416, 'Range Not Satisfiable'), headers: { 'content-range': `bytes */${found.size}` } }
  const { start, end } = span ?? { start: 0, end: found.size }
  const bytes = found.slice(start, end)
  if (!bytes) return NOT_FOUND
  const body = behaviour.flipInData === undefined ? bytes : flipped(bytes, behaviour.flipInData)
  if (!span) return { status: 200, headers, body, isData: true }
  const off = behaviour.wrongContentRange ? 1 : 0
  return {
    status: 206,
    headers: { ...headers, 'content-range': `bytes ${start + off}-${end - 1 + off}/${found.size}` },
    body,
    isData: true,
  }
}

function find(chain: Chain, id: string): Found | undefined {
  const item = chain.items.get(id)
  if (item) {
    const bundle = chain.sent.get(item.bundle)
    // An item is cut out of its bundle: it is there as long as the whole bundle is.
    const isThere = () => !bundle || chain.weave.slice(bundle.header, 0, Number(bundle.header.data_size)) !== undefined
    return {
      isMined: bundle?.height !== undefined,
      size: item.data.byteLength,
      tags: item.tags ?? [],
      slice: (start, end) => (isThere() ? item.data.subarray(start, end) : undefined),
    }
  }
  const tx = chain.sent.get(id)
  return (
    tx && {
      isMined: tx.height !== undefined,
      size: Number(tx.header.data_size),
      tags: plainTags(tx.header.tags),
      slice: (start, end) => chain.weave.slice(tx.header, start, end),
    }
  )
}

/** One range as RFC 9110 has it; undefined when there is none to honour. */
function spanOf(range: string | undefined, size: number): { readonly start: number; readonly end: number } | 'beyond' | undefined {
  const [found, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(range ?? '') ?? []
  if (found === undefined || (from === '' && to === '')) return undefined
  if (from === '') return to === '0' ? 'beyond' : { start: Math.max(0, size - Number(to)), end: size }
  if (to !== '' && Number(to) < Number(from)) return undefined
  return Number(from) >= size ? 'beyond' : { start: Number(from), end: Math.min(size, to === '' ? size : Number(to) + 1) }
}
