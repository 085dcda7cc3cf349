/** POST `/tx` and POST `/chunk`, checked as the documentation of the node's HTTP API and the order of its checks have it. */
import type { Behaviour, ChunkRefusal } from './behaviour.ts'
import { b64url, CHUNK, merkle, sha256, unb64url } from './library.ts'
import { type Chunk, isSigned } from './signing.ts'
import type { Chain, Header, Tag } from './types.ts'
import { seed } from './weave.ts'
import { json, objectOf, type Reply, TOO_LARGE, text } from './wire.ts'

const MAX_TX_BODY = 12 * 1024 * 1024
/** A chunk and a path of the largest size in base64url, and their neighbours. */
const MAX_CHUNK_BODY = 800_000
const MAX_TAG_BYTES = 2048
const MAX_NOTE = 2n ** 256n - 1n
const UNVERIFIED = text(400, 'Transaction verification failed.')

/** A second post of the same transaction is no second payment. */
export async function postTx(chain: Chain, behaviour: Behaviour, body: Buffer): Promise<Reply> {
  if (body.byteLength > MAX_TX_BODY) return TOO_LARGE
  const parsed = objectOf(body)
  if (!parsed) return text(400, 'Invalid JSON.')
  const header = headerOf(parsed)
  const attached = unb64url(parsed.data ?? '')
  if (!header || !attached || tagBytes(header) > MAX_TAG_BYTES || !(await isSigned(header))) return UNVERIFIED
  const chunks = attached.byteLength > 0 ? await chunksOf(header, attached) : []
  if (!chunks) return text(400, 'The attached data is split in an unknown way.')
  // From here on nothing waits: what was checked still holds when it takes effect.
  const refusal = refused(chain, behaviour, header)
  if (refusal) return refusal
  chain.accept(header)
  seed(chain.weave, header, chunks)
  return text(200, 'OK')
}

function refused(chain: Chain, { forgetsSeen }: Behaviour, header: Header): Reply | undefined {
  const known = chain.sent.get(header.id)
  if (known && !forgetsSeen) return text(208, 'Transaction already processed.')
  if (known && known.height === undefined) return text(400, 'Transaction is already in the mempool.')
  if (!chain.anchorHolds(header)) return text(400, 'Invalid anchor (last_tx).')
  if (known) return text(400, 'Transaction is already on the weave.')
  const [reward, address] = [BigInt(header.reward), b64url(sha256(Buffer.from(header.owner, 'base64url')))]
  const cost = reward + BigInt(header.quantity) + chain.promised(address)
  return reward < chain.price(Number(header.data_size)) || chain.balanceOf(address) < cost ? UNVERIFIED : undefined
}

const isCount = (field: unknown): field is string => typeof field === 'string' && /^\d{1,30}$/.test(field)
const isCode = (field: unknown): field is string => unb64url(field) !== undefined

function headerOf(parsed: Readonly<Record<string, unknown>>): Header | undefined {
  const { format, id, last_tx, owner, tags, target, quantity, data_size, data_root, reward, signature } = parsed
  if (format !== 2 || !isCount(quantity) || !isCount(data_size) || !isCount(reward) || !areTags(tags)) return undefined
  if (!isCode(id) || !isCode(last_tx) || !isCode(owner) || !isCode(target) || !isCode(data_root) || !isCode(signature)) return undefined
  return { format, id, last_tx, owner, tags, target, quantity, data_size, data_root, reward, signature }
}

const areTags = (tags: unknown): tags is readonly Tag[] =>
  Array.isArray(tags) && tags.every((tag: Partial<Tag> | null) => isCode(tag?.name) && isCode(tag?.value))

const tagBytes = ({ tags }: Header) =>
  tags.reduce((sum, { name, value }) => sum + Buffer.byteLength(name, 'base64url') + Buffer.byteLength(value, 'base64url'), 0)

async function chunksOf({ data_root, data_size }: Header, data: Buffer): Promise<Chunk[] | undefined> {
  const { data_root: root, chunks, proofs } = await merkle.generateTransactionChunks(new Uint8Array(data))
  if (b64url(root) !== data_root || data_size !== `${data.byteLength}`) return undefined
  return chunks.map(({ minByteRange, maxByteRange }, at) => ({
    data_root,
    data_size,
    data_path: b64url(proofs[at]?.proof ?? new Uint8Array()),
    offset: `${proofs[at]?.offset}`,
    chunk: b64url(data.subarray(minByteRange, maxByteRange)),
  }))
}

const refuse = (error: ChunkRefusal) => json(400, { error })

export async function postChunk(chain: Chain, behaviour: Behaviour, body: Buffer): Promise<Reply> {
  if (body.byteLength > MAX_CHUNK_BODY) return TOO_LARGE
  const { data_root, data_size, offset, ...parsed } = objectOf(body) ?? {}
  const [chunk, path] = [unb64url(parsed.chunk), unb64url(parsed.data_path)]
  if (!chunk || !path || !isCode(data_root) || !isDigits(data_size) || !isDigits(offset)) return refuse('invalid_json')
  if (chunk.byteLength > CHUNK) return refuse('chunk_too_big')
  if (path.byteLength > CHUNK) return refuse('data_path_too_big')
  if (BigInt(offset) > MAX_NOTE) return refuse('offset_too_big')
  if (BigInt(data_size) > MAX_NOTE) return refuse('data_size_too_big')
  const isLast = noteOf(path) === BigInt(data_size)
  if (path.byteLength === 0 || (path.byteLength > chunk.byteLength && !isLast)) return refuse('chunk_proof_ratio_not_attractive')
  const { refuseChunks } = behaviour
  if (refuseChunks && refuseChunks.times > 0) {
    behaviour.refuseChunks = { ...refuseChunks, times: refuseChunks.times - 1 }
    return refuse(refuseChunks.error)
  }
  const isKnown = [...chain.sent.values()].some(({ header }) => header.data_root === data_root && header.data_size === data_size)
  if (!isKnown) return refuse('data_root_not_found')
  const start = await proven(Buffer.from(data_root, 'base64url'), Number(data_size), Number(offset), path, chunk)
  if (start === undefined) return refuse('invalid_proof')
  chain.weave.put({ data_root, data_size }, { start, bytes: chunk, path })
  return { status: behaviour.keepsChunksShortly ? 303 : 200 }
}

const isDigits = (field: unknown): field is string => typeof field === 'string' && /^\d{1,100}$/.test(field)
const noteOf = (path: Buffer) => BigInt(`0x${path.subarray(-32).toString('hex') || '0'}`)

/**
 * Where the chunk begins, if the path leads from the root to exactly these bytes. The library proves the path alone;
 * the length and the hash of the chunk, and the end that the leaf names, are checked here.
 */
async function proven(root: Buffer, size: number, offset: number, path: Buffer, chunk: Buffer): Promise<number | undefined> {
  if (offset >= size || path.byteLength < 64) return undefined
  const leaf = await merkle.validatePath(new Uint8Array(root), offset, 0, size, new Uint8Array(path))
  if (!leaf || leaf.chunkSize !== chunk.byteLength || noteOf(path) !== BigInt(leaf.rightBound)) return undefined
  return sha256(chunk).equals(path.subarray(-64, -32)) ? leaf.leftBound : undefined
}
