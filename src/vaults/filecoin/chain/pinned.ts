/** Many questions to contracts, all of them answered at one block. */
import type { Abi } from 'viem'
import type { AbortOptions } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import type { Packages } from '../packages.ts'
import type { Epoch, Hex } from '../port.ts'
import { type Ask, assertSameChain, type ChainNode, failureOf } from './wire.ts'

export interface Question {
  readonly address: Hex
  readonly abi: Abi | readonly unknown[]
  readonly functionName: string
  readonly args?: readonly unknown[]
  /** Older contracts do not have it, and revert without a word. */
  readonly isNew?: boolean
}

/** Undefined for a contract that reverted: what it was asked of is not there. */
export type Answers = readonly unknown[]

export interface Pinned {
  /** Of the newest block, which the clock agrees with. */
  epoch(options?: AbortOptions): Promise<Epoch>
  /** In order. At the newest block where none is named. */
  many(questions: readonly Question[], options?: AbortOptions & { readonly at?: Epoch | undefined }): Promise<Answers>
  ask: <T>(method: string, params: readonly unknown[], doing: string, options?: AbortOptions) => Promise<T>
}

export interface PinnedOptions {
  /** A head further from it is not believed, in milliseconds, ahead or behind. */
  readonly maxLagMs: number
  readonly clock: () => number
}

/** Several reads of storage each: a node lets a call do so much in one go. */
const MOST_AT_ONCE = 320

const DOING = 'asking for the chain'

const MULTICALL = [
  {
    type: 'function',
    name: 'aggregate3',
    stateMutability: 'payable',
    inputs: [
      {
        name: 'calls',
        type: 'tuple[]',
        components: [
          { name: 'target', type: 'address' },
          { name: 'allowFailure', type: 'bool' },
          { name: 'callData', type: 'bytes' },
        ],
      },
    ],
    outputs: [
      {
        name: 'returnData',
        type: 'tuple[]',
        components: [
          { name: 'success', type: 'bool' },
          { name: 'returnData', type: 'bytes' },
        ],
      },
    ],
  },
] as const

export function pinnedOn(own: Packages, node: ChainNode, rawAsk: Ask, { maxLagMs, clock }: PinnedOptions): Pinned {
  const { viem } = own
  const { id, chain } = node
  const asked = <T>(method: string, params: readonly unknown[], doing: string, options: AbortOptions = {}): Promise<T> =>
    rawAsk<T>(method, params, options).catch((error: unknown) => {
      throw failureOf(own, node, doing, error, options)
    })
  const unreachable = (why: string, cause?: unknown) =>
    new VaultError('unreachable', id, `${why}; try again later, or with another node`, { cause })

  let isKnownChain = false
  const assertChain = async (options: AbortOptions) => {
    if (isKnownChain) return
    const found = await asked<unknown>('eth_chainId', [], DOING, options)
    if (!isQuantity(found)) throw unreachable('the node does not say which chain it speaks to')
    assertSameChain(node, DOING, BigInt(found))
    isKnownChain = true
  }

  const epoch = async (options: AbortOptions = {}): Promise<Epoch> => {
    await assertChain(options)
    const block = await asked<Readonly<Record<string, unknown>> | null>(
      'eth_getBlockByNumber',
      ['latest', false],
      'asking for the newest block',
      options,
    )
    const { number, timestamp } = block ?? {}
    if (!isQuantity(number) || !isQuantity(timestamp)) throw unreachable('the node knows no newest block')
    const at = Number(BigInt(timestamp)) * 1000
    const lag = clock() - at
    const minutes = (ms: number) => Math.round(Math.abs(ms) / 60_000)
    if (lag > maxLagMs) throw unreachable(`the node's newest block ${BigInt(number)} is ${minutes(lag)} minutes old: it lags behind`)
    if (-lag > maxLagMs)
      throw unreachable(`the node's newest block ${BigInt(number)} is ${minutes(lag)} minutes ahead of the clock of this machine`)
    return { number: BigInt(number), at }
  }

  const batch = async (questions: readonly Question[], at: Epoch, options: AbortOptions): Promise<Answers> => {
    const calls = questions.map(({ address, abi, functionName, args = [] }) => ({
      target: address,
      allowFailure: true,
      callData: viem.encodeFunctionData({ abi: abi as Abi, functionName, args }),
    }))
    const data = viem.encodeFunctionData({ abi: MULTICALL, functionName: 'aggregate3', args: [calls] })
    const doing = `reading block ${at.number}`
    const answer = await asked<Hex>(
      'eth_call',
      [{ to: chain.contracts.multicall3.address, data }, viem.numberToHex(at.number)],
      doing,
      options,
    )
    try {
      const results = viem.decodeFunctionResult({ abi: MULTICALL, functionName: 'aggregate3', data: answer })
      if (results.length !== questions.length) throw new TypeError(`${results.length} answers to ${questions.length} questions`)
      return results.map(({ success, returnData }, place) => {
        if (success) return decoded(questions[place] as Question, returnData)
        // A contract that says no says so in words; nothing at all is a node that gave up on the way.
        if (returnData === '0x' && questions[place]?.isNew !== true)
          throw new TypeError(`${questions[place]?.functionName} was not answered to its end`)
        return undefined
      })
    } catch (cause) {
      throw unreachable(`${doing}: the node's answer makes no sense`, cause)
    }
  }
  const decoded = ({ abi, functionName }: Question, data: Hex): unknown =>
    viem.decodeFunctionResult({ abi: abi as Abi, functionName, data })

  return {
    epoch,
    ask: asked,
    async many(questions, { at, ...options } = {}) {
      const block = at ?? (await epoch(options))
      const answers: unknown[] = []
      for (let from = 0; from < questions.length; from += MOST_AT_ONCE)
        answers.push(...(await batch(questions.slice(from, from + MOST_AT_ONCE), block, options)))
      return answers
    },
  }
}

const isQuantity = (value: unknown): value is Hex => typeof value === 'string' && /^0x[0-9a-f]{1,64}$/i.test(value)
