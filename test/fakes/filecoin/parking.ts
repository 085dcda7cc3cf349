/** Pieces at a fake storage provider: uploaded, pulled from another one, found and served. */
import { randomUUID } from 'node:crypto'
import { cidOf, type Desk, parsed, Refusal, type Reply, takes } from './desk.ts'
import type { Hex } from './types.ts'

const NOT_FOUND: Reply = { status: 404, text: 'Piece not found' }

export function beginUpload(desk: Desk, at: 'uploads' | 'upload', promised?: string): Reply {
  if (desk.faults.outOfSpace) throw new Refusal(507, 'Insufficient storage')
  const id = randomUUID()
  desk.uploads.set(id, { promised, bytes: undefined })
  return { status: 201, headers: { location: `/pdp/piece/${at}/${id}` } }
}

/** The older way to upload: the piece CID is said before the bytes. */
export function promise(desk: Desk, body: Buffer): Reply {
  const { pieceCid } = parsed<{ pieceCid: string }>(body)
  return desk.pieces.has(pieceCid) ? { status: 200, json: { pieceCid } } : beginUpload(desk, 'upload', pieceCid)
}

export function receive(desk: Desk, id: string, bytes: Buffer): Reply {
  const upload = desk.uploads.get(id)
  if (!upload) throw new Refusal(404, 'Upload not found')
  if (desk.faults.outOfSpace) throw new Refusal(507, 'Insufficient storage')
  const { minPieceBytes, maxPieceBytes } = desk.options
  if (bytes.byteLength < Number(minPieceBytes)) throw new Refusal(400, `Piece data is smaller than ${minPieceBytes} bytes`)
  if (bytes.byteLength > Number(maxPieceBytes)) throw new Refusal(413, `Piece data exceeds the maximum of ${maxPieceBytes} bytes`)
  upload.bytes = new Uint8Array(bytes)
  if (upload.promised !== undefined) park(desk, id, upload.promised)
  return { status: 204 }
}

export function finish(desk: Desk, id: string, body: Buffer): Reply {
  park(desk, id, parsed<{ pieceCid: string }>(body).pieceCid)
  return { status: 200 }
}

function park(desk: Desk, id: string, pieceCid: string): void {
  const bytes = desk.uploads.get(id)?.bytes
  if (!bytes) throw new Refusal(404, 'Upload not found')
  const cid = cidOf(bytes)
  if (cid !== pieceCid) throw new Refusal(400, `Piece CID mismatch: calculated ${cid}, provided ${pieceCid}`)
  desk.pieces.set(cid, bytes)
  desk.uploads.delete(id)
}

export function find(desk: Desk, pieceCid: string | null): Reply {
  if (pieceCid === null) throw new Refusal(400, 'pieceCid is required')
  if (!desk.pieces.has(pieceCid) || takes(desk.faults, 'pieceNotFoundFor')) return NOT_FOUND
  return { status: 200, json: { pieceCid } }
}

export function serve(desk: Desk, pieceCid: string, range: string | undefined): Reply {
  const { faults } = desk
  if (faults.refusesRetrieval) throw new Refusal(faults.refusesRetrieval, 'not for you, or not now')
  const kept = desk.pieces.get(pieceCid)
  if (!kept || faults.provesNotServes || takes(faults, 'pieceNotFoundFor')) return NOT_FOUND
  const bytes = faults.servesWrongBytes ? kept.map((byte) => byte ^ 0xff) : kept
  const headers = { 'accept-ranges': 'bytes', etag: `"${pieceCid}"` }
  if (range === undefined || faults.ignoresRange) return { status: 200, headers, bytes }
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? []
  const start = from === '' ? Math.max(0, bytes.byteLength - Number(to)) : Number(from)
  const end = from === '' || to === '' ? bytes.byteLength - 1 : Math.min(Number(to), bytes.byteLength - 1)
  if ((from === '' && to === '') || start > end) return { status: 416, headers: { 'content-range': `bytes */${bytes.byteLength}` } }
  const part = bytes.subarray(start, end + 1)
  return { status: 206, headers: { ...headers, 'content-range': `bytes ${start}-${end}/${bytes.byteLength}` }, bytes: part }
}

interface PullOrder {
  readonly extraData: Hex
  readonly recordKeeper: Hex
  readonly dataSetId?: number
  readonly pieces: readonly { readonly pieceCid: string; readonly sourceUrl: string }[]
}

/** Begins what has not begun and says how far it is: the same request asks again. */
export function pull(desk: Desk, body: Buffer): Reply {
  const order = parsed<PullOrder>(body)
  const pieces = order.pieces.map(({ pieceCid, sourceUrl }) => {
    const known = desk.pulls.get(pieceCid)
    if (known) return { pieceCid, status: known.status }
    if (desk.pieces.has(pieceCid)) return { pieceCid, status: 'complete' as const }
    const begun = { status: 'inProgress' as 'inProgress' | 'complete' | 'failed' }
    desk.pulls.set(pieceCid, begun)
    void fetchPiece(desk, pieceCid, sourceUrl).then(
      () => (begun.status = 'complete'),
      () => (begun.status = 'failed'),
    )
    return { pieceCid, status: 'pending' as const }
  })
  const status = ['failed', 'pending', 'inProgress'].find((worst) => pieces.some((piece) => piece.status === worst)) ?? 'complete'
  return { status: 200, json: { status, pieces } }
}

async function fetchPiece(desk: Desk, pieceCid: string, sourceUrl: string): Promise<void> {
  if (desk.faults.outOfSpace) throw new Refusal(507, 'Insufficient storage')
  const response = await fetch(sourceUrl)
  if (!response.ok) throw new Refusal(502, `the source answered ${response.status}`)
  const bytes = new Uint8Array(await response.arrayBuffer())
  if (cidOf(bytes) !== pieceCid) throw new Refusal(502, 'the source sent another piece')
  desk.pieces.set(pieceCid, bytes)
}
