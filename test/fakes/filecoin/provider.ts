/** A fake storage provider: speaks the provider API over HTTP, keeps bytes in memory, sends transactions of its own and proves what it keeps. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { toHex } from 'viem'
import { additionStatus, addPieces, createAndAdd, createSet, creationStatus, describeSet, removePiece } from './commits.ts'
import { bodyOf, cidOf, type Desk, Refusal, type Reply, write } from './desk.ts'
import { CLIENT, type Ledger, OWNER } from './ledger.ts'
import { beginUpload, find, finish, promise, pull, receive, serve } from './parking.ts'
import { nextPeriod, prove } from './proving.ts'
import type { FakeProvider, Hex, ProviderOptions } from './types.ts'

const FEE = 5n * 10n ** 18n
const DEFAULTS: Required<ProviderOptions> = {
  name: 'fake provider',
  location: 'C=DE;ST=Berlin;L=Berlin',
  isApproved: true,
  price: 83_333_333_333_333_333n,
  minPieceBytes: 127n,
  maxPieceBytes: 1_065_353_216n,
}

/** Registers it in the registry, and approves it unless it is told not to. */
export async function openProvider(ledger: Ledger, address: Hex, chosen: ProviderOptions = {}): Promise<FakeProvider> {
  if (address === OWNER.address || address === CLIENT.address) throw new Error('that key is taken')
  const options = { ...DEFAULTS, ...chosen }
  const desk: Desk = {
    ledger,
    address,
    options,
    faults: {},
    pieces: new Map(),
    uploads: new Map(),
    pulls: new Map(),
    transactions: [],
  }
  const log: FakeProvider['log'][number][] = []
  const server = createServer((request, response) => {
    const entry: { method: string; path: string; status: number | 'cut' | 'silent' } = {
      method: request.method ?? '',
      path: request.url ?? '',
      status: 'silent',
    }
    log.push(entry)
    answer(desk, request, response).then(
      (status) => (entry.status = status),
      () => response.destroy(),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const id = await register(ledger, address, url, options)
  return {
    id,
    name: options.name,
    url,
    address,
    faults: desk.faults,
    log,
    pieces: desk.pieces,
    transactions: desk.transactions,
    corrupt(pieceCid, at = 0) {
      const bytes = desk.pieces.get(pieceCid)
      if (!bytes || at >= bytes.byteLength) throw new Error(`there is no such byte of ${pieceCid}`)
      desk.pieces.set(
        pieceCid,
        bytes.map((byte, index) => (index === at ? byte ^ 1 : byte)),
      )
    },
    lose(pieceCid) {
      if (!desk.pieces.delete(pieceCid)) throw new Error(`there is no ${pieceCid}`)
    },
    keep(bytes) {
      const cid = cidOf(bytes)
      desk.pieces.set(cid, bytes)
      return cid
    },
    async nextPeriod(dataSetId) {
      if (!desk.faults.servesNotProves) await nextPeriod(desk, dataSetId)
    },
    prove: async (dataSetId) => !desk.faults.servesNotProves && (await prove(desk, dataSetId)),
    async leave() {
      await ledger.act(address, 'serviceProviderRegistry', 'removeProvider', [])
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function register(ledger: Ledger, address: Hex, url: string, options: Required<ProviderOptions>): Promise<bigint> {
  const capabilities: Record<string, Hex> = {
    serviceURL: toHex(url),
    minPieceSizeInBytes: toHex(options.minPieceBytes),
    maxPieceSizeInBytes: toHex(options.maxPieceBytes),
    storagePricePerTibPerDay: toHex(options.price),
    minProvingPeriodInEpochs: toHex(20),
    location: toHex(options.location),
    paymentTokenAddress: ledger.contracts.usdfc,
  }
  const keys = Object.keys(capabilities)
  const values = Object.values(capabilities).map((value) => (value.length % 2 === 0 ? value : `0x0${value.slice(2)}`))
  const args = [address, options.name, '', 0, keys, values]
  await ledger.act(address, 'serviceProviderRegistry', 'registerProvider', args, FEE)
  const id = await ledger.read<bigint>('serviceProviderRegistry', 'getProviderIdByAddress', [address])
  if (options.isApproved) await ledger.act(OWNER.address, 'fwss', 'addApprovedProvider', [id])
  return id
}

async function answer(desk: Desk, request: IncomingMessage, response: ServerResponse): Promise<number | 'cut' | 'silent'> {
  const { faults } = desk
  const body = await bodyOf(request)
  if (faults.silent) return 'silent'
  if (faults.late !== undefined) await sleep(faults.late, undefined, { ref: false })
  if (faults.cutAt !== undefined && --faults.cutAt === 0) {
    delete faults.cutAt
    return write(response, 'cut', false)
  }
  const reply = await routed(desk, request, body).catch((error: unknown): Reply => {
    if (error instanceof Refusal) return { status: error.status, text: error.message }
    return { status: 500, text: String(error) }
  })
  return write(response, reply, request.method === 'HEAD')
}

async function routed(desk: Desk, request: IncomingMessage, body: Buffer): Promise<Reply> {
  const url = new URL(request.url ?? '/', 'http://fake')
  const method = request.method === 'HEAD' ? 'GET' : request.method
  for (const [verb, pattern, handle] of ROUTES) {
    const match = verb === method ? pattern.exec(url.pathname) : null
    if (!match) continue
    if (desk.faults.refuses && handle !== RETRIEVAL) throw new Refusal(desk.faults.refuses, 'not for you, or not now')
    return handle(desk, match.slice(1), body, { query: url.searchParams, range: request.headers.range })
  }
  throw new Refusal(404, 'not found')
}

interface Asked {
  readonly query: URLSearchParams
  readonly range: string | undefined
}

type Handle = (desk: Desk, parts: readonly string[], body: Buffer, asked: Asked) => Reply | Promise<Reply>

const RETRIEVAL: Handle = (desk, [cid = ''], _, { range }) => serve(desk, cid, range)

const ROUTES: readonly (readonly [string, RegExp, Handle])[] = [
  ['GET', /^\/piece\/([^/]+)$/, RETRIEVAL],
  ['GET', /^\/pdp\/ping$/, () => ({ status: 200 })],
  ['GET', /^\/pdp\/piece\/?$/, (desk, _, __, { query }) => find(desk, query.get('pieceCid'))],
  ['POST', /^\/pdp\/piece\/?$/, (desk, _, body) => promise(desk, body)],
  ['PUT', /^\/pdp\/piece\/upload\/([^/]+)$/, (desk, [id = ''], body) => receive(desk, id, body)],
  ['POST', /^\/pdp\/piece\/uploads$/, (desk) => beginUpload(desk, 'uploads')],
  ['PUT', /^\/pdp\/piece\/uploads\/([^/]+)$/, (desk, [id = ''], body) => receive(desk, id, body)],
  ['POST', /^\/pdp\/piece\/uploads\/([^/]+)$/, (desk, [id = ''], body) => finish(desk, id, body)],
  ['POST', /^\/pdp\/piece\/pull$/, (desk, _, body) => pull(desk, body)],
  ['POST', /^\/pdp\/data-sets$/, (desk, _, body) => createSet(desk, body)],
  ['POST', /^\/pdp\/data-sets\/create-and-add$/, (desk, _, body) => createAndAdd(desk, body)],
  ['GET', /^\/pdp\/data-sets\/created\/(0x[0-9a-f]{64})$/, (desk, [hash = '']) => creationStatus(desk, hash)],
  ['GET', /^\/pdp\/data-sets\/(\d+)$/, (desk, [id = '']) => describeSet(desk, id)],
  ['POST', /^\/pdp\/data-sets\/(\d+)\/pieces$/, (desk, [id = ''], body) => addPieces(desk, id, body)],
  ['GET', /^\/pdp\/data-sets\/(\d+)\/pieces\/added\/(0x[0-9a-f]{64})$/, (desk, [id = '', hash = '']) => additionStatus(desk, id, hash)],
  ['DELETE', /^\/pdp\/data-sets\/(\d+)\/pieces\/(\d+)$/, (desk, [id = '', piece = ''], body) => removePiece(desk, id, piece, body)],
]
