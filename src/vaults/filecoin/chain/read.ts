/** The chain, as it is read: everything by way of one node, which is believed in nothing but what the contracts say at its newest block. */
import type { Chain } from '@filoz/synapse-core/chains'
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import { packages } from '../packages.ts'
import type { ChainReader, DataSet, Funds, Hex, Placed, Price } from '../port.ts'
import { type Pinned, type PinnedOptions, pinnedOn, type Question } from './pinned.ts'
import { cidIn, fundedUntil, proofStateOf } from './proofs.ts'
import { providersOf } from './registry.ts'
import { askOf, type ChainNode } from './wire.ts'

export interface ReaderOptions extends ChainNode, PinnedOptions {
  readonly payer: Hex
}

const PAGE = 100n

/** Throws VaultError `unsupported` without the packages. Asks nothing yet. */
export async function chainReader(node: ReaderOptions): Promise<ChainReader> {
  const own = await packages(node.id)
  const { chain, payer } = node
  const pinned = pinnedOn(own, node, askOf(own, node), node)
  const { pdp, fwss, fwssView } = chain.contracts
  const one = async <T>(question: Question, options: AbortOptions = {}) => (await pinned.many([question], options))[0] as T | undefined
  return {
    chainId: chain.id,
    payer,
    epoch: (options) => pinned.epoch(options),
    providers: (options = {}) => providersOf(chain, pinned, options),
    dataSets: (options = {}) => dataSetsOf(node, pinned, options),
    async dataSet(id, options = {}) {
      const facts = await one<ServiceSet>({ ...fwssView, functionName: 'getDataSet', args: [id] }, options)
      return facts && facts.pdpRailId !== 0n ? (await withMetadata(chain, pinned, [facts], options))[0] : undefined
    },
    async createdBy(clientDataSetId, options) {
      const id = await one<bigint>({ ...fwssView, functionName: 'clientNonces', args: [payer, clientDataSetId] }, options)
      return id ? id : undefined
    },
    async find(dataSetId, cid: CID, options) {
      const args = [dataSetId, { data: `0x${Buffer.from(cid.bytes).toString('hex')}` }, 0n, PAGE]
      return (await one<readonly bigint[]>({ ...pdp, functionName: 'findPieceIdsByCid', args }, options)) ?? []
    },
    async metadataOf(dataSetId, pieceIds, options = {}) {
      const questions = pieceIds.map((pieceId) => ({ ...fwssView, functionName: 'getAllPieceMetadata', args: [dataSetId, pieceId] }))
      const answers = questions.length === 0 ? [] : await pinned.many(questions, options)
      return new Map(pieceIds.map((pieceId, place) => [pieceId, recordOf(answers[place])]))
    },
    pieces: (dataSetId, { from = 0n, ...options } = {}) => piecesOf(node, pinned, { dataSetId, from }, options),
    proofState: (dataSetId, pieceIds, options = {}) => proofStateOf({ ...options, chain, pinned, dataSetId }, pieceIds),
    funds: (options = {}) => fundsOf(chain, pinned, payer, options),
    async price(options): Promise<Price> {
      const [price, fee] = await pinned.many(
        [
          { ...fwss, functionName: 'getServicePrice' },
          { ...pdp, functionName: 'USDFC_SYBIL_FEE', isNew: true },
        ],
        options,
      )
      const { pricePerTiBPerMonthNoCDN, minimumPricePerMonth, epochsPerMonth } = (price ?? {}) as Partial<ServicePrice>
      if (!pricePerTiBPerMonthNoCDN || !epochsPerMonth)
        throw new VaultError('unreachable', node.id, 'the service tells no price; try another node')
      return {
        perTiBMonth: pricePerTiBPerMonthNoCDN,
        leastPerMonth: minimumPricePerMonth ?? 0n,
        epochsPerMonth,
        ...(typeof fee === 'bigint' && { perDataSet: fee }),
      }
    },
    async transaction(hash, options) {
      const doing = `looking for transaction ${hash}`
      const receipt = await pinned.ask<{ readonly status?: Hex } | null>('eth_getTransactionReceipt', [hash], doing, options)
      if (receipt) return receipt.status === '0x1' ? 'succeeded' : 'reverted'
      return (await pinned.ask<object | null>('eth_getTransactionByHash', [hash], doing, options)) ? 'pending' : undefined
    },
  }
}

interface ServiceSet {
  readonly dataSetId: bigint
  readonly providerId: bigint
  readonly payer: Hex
  readonly payee: Hex
  readonly clientDataSetId: bigint
  readonly pdpRailId: bigint
  readonly pdpEndEpoch: bigint
}

interface ServicePrice {
  readonly pricePerTiBPerMonthNoCDN: bigint
  readonly minimumPricePerMonth: bigint
  readonly epochsPerMonth: bigint
}

async function dataSetsOf({ id, chain, payer }: ReaderOptions, pinned: Pinned, options: AbortOptions): Promise<readonly DataSet[]> {
  const at = await pinned.epoch(options)
  const found: ServiceSet[] = []
  for (let offset = 0n; ; offset += PAGE) {
    const question = { ...chain.contracts.fwssView, functionName: 'getClientDataSets', args: [payer, offset, PAGE] }
    const page = ((await pinned.many([question], { ...options, at }))[0] ?? []) as readonly ServiceSet[]
    if (page.some(({ dataSetId }) => dataSetId === found[0]?.dataSetId)) throw repeating(id)
    found.push(...page)
    if (BigInt(page.length) < PAGE) return withMetadata(chain, pinned, found, options)
  }
}

async function withMetadata(chain: Chain, pinned: Pinned, sets: readonly ServiceSet[], options: AbortOptions): Promise<readonly DataSet[]> {
  const questions = sets.map(({ dataSetId }) => ({ ...chain.contracts.fwssView, functionName: 'getAllDataSetMetadata', args: [dataSetId] }))
  const answers = questions.length === 0 ? [] : await pinned.many(questions, options)
  return sets.map(({ dataSetId: id, pdpRailId: railId, pdpEndEpoch: endEpoch, providerId, payer, payee, clientDataSetId }, place) => ({
    id,
    providerId,
    payer,
    payee,
    clientDataSetId,
    railId,
    endEpoch,
    metadata: recordOf(answers[place]),
  }))
}

/** The contracts keep keys and values apart. */
function recordOf(answer: unknown): Readonly<Record<string, string>> {
  const [keys = [], values = []] = (answer ?? []) as readonly (readonly string[])[]
  return Object.fromEntries(keys.map((key, place) => [key, values[place] ?? '']))
}

/** Such a node would be asked for ever; and what it has told so far is not all there is. */
const repeating = (id: string) => new VaultError('unreachable', id, 'the node gives the same page again and again; try another node')

async function* piecesOf(
  { id, chain }: ReaderOptions,
  pinned: Pinned,
  { dataSetId, from }: { readonly dataSetId: bigint; readonly from: bigint },
  options: AbortOptions,
): AsyncGenerator<Placed> {
  const { pdp } = chain.contracts
  for (let start = from; ; ) {
    const [answer] = await pinned.many([{ ...pdp, functionName: 'getActivePiecesByCursor', args: [dataSetId, start, PAGE] }], options)
    const [cids = [], ids = [], hasMore = false] = (answer ?? []) as readonly [(readonly unknown[])?, (readonly bigint[])?, boolean?]
    for (const [place, pieceId] of ids.entries()) {
      const cid = cidIn(cids[place])
      if (cid) yield { dataSetId, pieceId, cid }
    }
    const last = ids.at(-1)
    if (!hasMore || last === undefined) return
    if (last < start) throw repeating(id)
    start = last + 1n
  }
}

async function fundsOf(chain: Chain, pinned: Pinned, payer: Hex, options: AbortOptions): Promise<Funds> {
  const { usdfc, filecoinPay, fwss } = chain.contracts
  const at = await pinned.epoch(options)
  const [answers, gas] = await Promise.all([
    pinned.many(
      [
        { ...usdfc, functionName: 'balanceOf', args: [payer] },
        { ...usdfc, functionName: 'symbol' },
        { ...usdfc, functionName: 'decimals' },
        { ...filecoinPay, functionName: 'accounts', args: [usdfc.address, payer] },
        { ...filecoinPay, functionName: 'operatorApprovals', args: [usdfc.address, payer, fwss.address] },
      ],
      { ...options, at },
    ),
    pinned.ask<Hex>('eth_getBalance', [payer, `0x${at.number.toString(16)}`], 'asking for the FIL of the wallet', options),
  ])
  const [wallet, symbol, decimals, account, approvals] = answers
  const [deposited = 0n, locked = 0n, ratePerEpoch = 0n, countedAt = 0n] = (account ?? []) as readonly bigint[]
  const taken = locked + ratePerEpoch * (at.number > countedAt ? at.number - countedAt : 0n)
  const [isApproved, rateAllowance = 0n, lockupAllowance = 0n, rateUsed = 0n, lockupUsed = 0n, maxLockupPeriod = 0n] = (approvals ??
    []) as readonly [boolean?, bigint?, bigint?, bigint?, bigint?, bigint?]
  return {
    wallet: typeof wallet === 'bigint' ? wallet : 0n,
    gas: BigInt(gas),
    deposited,
    available: deposited > taken ? deposited - taken : 0n,
    ratePerEpoch,
    fundedUntil: fundedUntil(account as readonly bigint[] | undefined),
    approval: { isApproved: isApproved === true, rateAllowance, lockupAllowance, rateUsed, lockupUsed, maxLockupPeriod },
    symbol: typeof symbol === 'string' ? symbol : 'USDFC',
    decimals: Number(decimals ?? 18),
  }
}
