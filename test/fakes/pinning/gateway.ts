/** A trustless gateway: raw blocks by CID, what is kept and nothing else. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { CID } from 'multiformats/cid'
import { type Blocks, type Kept, keyOf } from './blocks.ts'
import type { Lie } from './lies.ts'

const RAW_TYPE = 'application/vnd.ipld.raw'

export function serveBlock(blocks: Blocks, lie: Lie, request: IncomingMessage, response: ServerResponse, url: URL): void {
  const found = blockFor(blocks, request, url)
  if ('refused' in found) response.writeHead(found.refused, { 'content-type': 'text/plain' }).end(`${found.text}\n`)
  else if (lie.gateway) lie.gateway(response, found.bytes)
  else {
    response.writeHead(200, {
      'content-type': RAW_TYPE,
      'content-length': found.bytes.byteLength,
      'cache-control': 'public, max-age=29030400, immutable',
      etag: `"${found.cid}.raw"`,
      'x-content-type-options': 'nosniff',
      'x-ipfs-path': url.pathname,
    })
    response.end(request.method === 'HEAD' ? undefined : found.bytes)
  }
}

interface Refused {
  readonly refused: number
  readonly text: string
}

function blockFor(blocks: Blocks, { method, headers }: IncomingMessage, url: URL): Kept | Refused {
  const cid = cidIn(url)
  if (!cid) return { refused: 400, text: 'invalid path: /ipfs/CID is served here, without a path below it' }
  if (method !== 'GET' && method !== 'HEAD') return { refused: 405, text: 'only GET and HEAD' }
  if (url.searchParams.get('format') !== 'raw' && !headers.accept?.includes(RAW_TYPE))
    return { refused: 406, text: 'only format=raw is served here' }
  const missing = headers['cache-control'] === 'only-if-cached' ? 412 : 404
  return blocks.get(keyOf(cid)) ?? { refused: missing, text: 'no such block here' }
}

function cidIn({ pathname }: URL): CID | undefined {
  try {
    return CID.parse(pathname.slice('/ipfs/'.length))
  } catch {
    return undefined
  }
}
