/** A small Lotus node on the loopback interface: JSON-RPC as Lotus answers it, for the few questions a watcher asks, over a chain that the test writes. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the next answers look like; undefined: as they should. */
export type LotusFault =
  | { readonly type: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** 200 with a web page. */
  | { readonly type: 'html' }
  /** An error of the node, for one method or for all. */
  | { readonly type: 'error'; readonly message: string; readonly method?: string }
  /** Another result for one method. */
  | { readonly type: 'result'; readonly method: string; readonly result: unknown }
  | { readonly type: 'other-id' }
  /** No answer at all. */
  | { readonly type: 'silent' }
  | { readonly type: 'reset' }
  /** An answer of so many bytes. */
  | { readonly type: 'huge'; readonly byteLength: number }

export interface FakeClaim {
  readonly Provider: number
  readonly Client: number
  readonly Data: { readonly '/': string }
  readonly Size: number
  readonly TermMin: number
  readonly TermMax: number
  readonly TermStart: number
  readonly Sector: number
}

export interface FakeDeal {
  readonly pieceCid: string
  readonly pieceSize: number
  readonly provider: string
  readonly startEpoch: number
  readonly endEpoch: number
  /** Undefined: not in a proven sector yet. */
  sector?: number | undefined
  slashEpoch?: number | undefined
}

export interface FakeSector {
  readonly activation: number
  expiration: number
  /** `terminated` stays known to StateSectorGetInfo, as on the real chain until partitions are compacted. */
  state: 'active' | 'faulty' | 'recovering' | 'new' | 'terminated'
}

export interface FakeLotus {
  readonly url: string
  fault: LotusFault | undefined
  /** Height of the head. */
  epoch: number
  /** Only requests with this bearer token are answered, where it is set. */
  token: string | undefined
  /** By `f01234/5`. */
  readonly claims: Map<string, FakeClaim>
  readonly deals: Map<number, FakeDeal>
  /** By `f01234/7`. */
  readonly sectors: Map<string, FakeSector>
  /** Every question, in order. */
  readonly asked: { readonly method: string; readonly params: readonly unknown[] }[]
  [Symbol.asyncDispose](): Promise<void>
}

/** Seconds since 1970 of epoch 0 of the main network. */
export const GENESIS = 1_598_306_400
const DEADLINE = 11
const PARTITION = 1

export async function fakeLotus(): Promise<FakeLotus> {
  const server = createServer((request, response) => void reply(request, response).catch(() => response.destroy()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const lotus: FakeLotus = {
    url: `http://127.0.0.1:${port}/rpc/v1`,
    fault: undefined,
    epoch: 5_000_000,
    token: undefined,
    claims: new Map(),
    deals: new Map(),
    sectors: new Map(),
    asked: [],
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }

  const reply = async (request: IncomingMessage, response: ServerResponse): Promise<unknown> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const {
      id,
      method = '',
      params = [],
    } = JSON.parse(Buffer.concat(chunks).toString()) as { id: number; method: string; params: unknown[] }
    const name = method.replace(/^Filecoin\./, '')
    lotus.asked.push({ method: name, params })
    const { fault } = lotus
    const json = (value: object) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', ...value }))
    if (lotus.token !== undefined && request.headers.authorization !== `Bearer ${lotus.token}`) return response.writeHead(401).end()
    if (fault?.type === 'status') return response.writeHead(fault.status, fault.headers).end('<h1>no</h1>')
    if (fault?.type === 'html') return response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><p>Sign in</p>')
    if (fault?.type === 'silent') return undefined
    if (fault?.type === 'reset') return request.socket.destroy()
    if (fault?.type === 'huge') return json({ id, result: 'x'.repeat(fault.byteLength) })
    if (fault?.type === 'other-id') return json({ id: id + 1, result: METHODS[name]?.(lotus, params) })
    if (fault?.type === 'result' && fault.method === name) return json({ id, result: fault.result })
    if (fault?.type === 'error' && (fault.method ?? name) === name) return json({ id, error: { code: 1, message: fault.message } })
    if (!method.startsWith('Filecoin.') || !(name in METHODS))
      return response
        .writeHead(500)
        .end(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: `method '${method}' not found` } }))
    try {
      return json({ id, result: METHODS[name]?.(lotus, params) })
    } catch (error) {
      return json({ id, error: { code: 1, message: error instanceof Error ? error.message : String(error) } })
    }
  }
  return lotus
}

const METHODS: Readonly<Record<string, (lotus: FakeLotus, params: readonly unknown[]) => unknown>> = {
  ChainHead: ({ epoch }) => ({
    Cids: [{ '/': 'bafy2bzacea3wsdh6y3a36tb3skempjoxqpuyompjbmfeyf34fi3uy6uue42v4' }],
    Blocks: [{ Miner: 'f01000', Height: epoch, Timestamp: GENESIS + 30 * epoch }],
    Height: epoch,
  }),
  StateGetClaim: ({ claims }, [provider, id]) => claims.get(`${provider}/${id}`) ?? null,
  StateMarketStorageDeal: ({ deals }, [id]) => {
    const deal = deals.get(Number(id))
    if (!deal)
      throw new Error(
        `deal ${id} not found - deal may not have completed sealing before deal proposal start epoch, or deal may have been slashed`,
      )
    return dealShape(deal)
  },
  StateSectorGetInfo: ({ sectors }, [provider, number]) => {
    const sector = sectors.get(`${provider}/${number}`)
    return sector
      ? { SectorNumber: number, SealProof: 8, SealedCID: { '/': 'bagboea' }, Activation: sector.activation, Expiration: sector.expiration }
      : null
  },
  StateSectorPartition: ({ sectors }, [provider, number]) => {
    if (!sectors.has(`${provider}/${number}`)) throw new Error(`sector ${number} not found`)
    return { Deadline: DEADLINE, Partition: PARTITION }
  },
  StateMinerPartitions: ({ sectors }, [provider, deadline]) => {
    const own = [...sectors].flatMap(([key, { state }]) => {
      const [owner, number] = key.split('/')
      return owner === provider && deadline === DEADLINE ? [{ number: Number(number), state }] : []
    })
    const of = (...states: readonly FakeSector['state'][]) =>
      runsOf(own.filter(({ state }) => states.includes(state)).map(({ number }) => number))
    const empty = { AllSectors: [0], FaultySectors: [0], RecoveringSectors: [0], LiveSectors: [0], ActiveSectors: [0] }
    const full = {
      AllSectors: of('active', 'faulty', 'recovering', 'new', 'terminated'),
      FaultySectors: of('faulty', 'recovering'),
      RecoveringSectors: of('recovering'),
      LiveSectors: of('active', 'faulty', 'recovering', 'new'),
      ActiveSectors: of('active'),
    }
    return [empty, full]
  },
}

const dealShape = ({ pieceCid, pieceSize, provider, startEpoch, endEpoch, sector, slashEpoch = -1 }: FakeDeal) => ({
  Proposal: {
    PieceCID: { '/': pieceCid },
    PieceSize: pieceSize,
    VerifiedDeal: true,
    Client: 'f01001',
    Provider: provider,
    Label: '',
    StartEpoch: startEpoch,
    EndEpoch: endEpoch,
    StoragePricePerEpoch: '0',
    ProviderCollateral: '0',
    ClientCollateral: '0',
  },
  State: {
    SectorNumber: sector ?? 0,
    SectorStartEpoch: sector === undefined ? -1 : startEpoch,
    LastUpdatedEpoch: -1,
    SlashEpoch: slashEpoch,
  },
})

/** Run lengths by turns, those that are not in the set first; `[0]` of the empty set. */
export function runsOf(numbers: readonly number[]): readonly number[] {
  const runs = [0]
  let [next, within] = [0, false]
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const gap = number - next
    if (within && gap > 0) runs.push(gap, 0)
    else if (!within) runs.splice(0, 1, gap, 0)
    runs[runs.length - 1] = (runs.at(-1) ?? 0) + 1
    within = true
    next = number + 1
  }
  return runs
}
