/** One transaction: priced, signed and handed to the node once. */
import type { Abi } from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import type { AbortOptions } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import type { Packages } from '../packages.ts'
import type { Hex } from '../port.ts'
import { type Ask, type ChainNode, failureOf, wordsOf } from './wire.ts'

export interface Call {
  readonly address: Hex
  readonly abi: Abi | readonly unknown[]
  readonly functionName: string
  readonly args: readonly unknown[]
}

export interface Sender {
  read<T>(call: Call, doing: string, options: AbortOptions): Promise<T>
  /** Of the newest block, in seconds since 1970. */
  now(doing: string, options: AbortOptions): Promise<bigint>
  /** Throws `invalid` when the node speaks to another chain. */
  assertChain(doing: string, options: AbortOptions): Promise<void>
  send(call: Call, doing: string, options: AbortOptions): Promise<Hex>
}

interface Signer extends ChainNode {
  readonly account: PrivateKeyAccount
  readonly onSigned?: ((transaction: { readonly hash: Hex; readonly doing: string }) => void) | undefined
}

interface Block {
  readonly baseFeePerGas?: Hex | null
  readonly timestamp: Hex
}

/** The same bytes are in the node's pool already: no failure. */
const KNOWN = /already known|already imported|already exists|known transaction/i
/** JSON-RPC has no codes for these, and nodes say them in words of their own. */
const LATE =
  /nonce too low|minimum expected nonce|nonce.*(?:too low|already used)|replacement transaction underpriced|replace by fee|increase gaspremium/i
const EARLY = /nonce too high|nonce gap|unfulfilled nonce/i
const POOR = /insufficient funds|not enough funds|exceeds (?:the )?balance|overshot|insufficient balance/i

/** For what the next block may ask beyond the one of now. */
const withRoom = (gas: bigint): bigint => gas + gas / 10n

export function senderOf(own: Packages, node: Signer, ask: Ask): Sender {
  const { viem } = own
  const { id, account, chain } = node
  const asked = <T>(method: string, params: readonly unknown[], doing: string, options: AbortOptions): Promise<T> =>
    ask<T>(method, params, options).catch((error: unknown) => {
      throw failureOf(own, node, doing, error, options)
    })
  const number = async (method: string, params: readonly unknown[], doing: string, options: AbortOptions) => {
    const value = await asked<unknown>(method, params, doing, options)
    if (typeof value === 'string' && /^0x[0-9a-f]+$/i.test(value)) return BigInt(value)
    throw new VaultError('unreachable', id, `${doing}: the node answers ${method} with no number; try again with another node`)
  }
  const newest = (doing: string, options: AbortOptions) => asked<Block | null>('eth_getBlockByNumber', ['latest', false], doing, options)
  const encoded = ({ abi, functionName, args }: Call) => viem.encodeFunctionData({ abi: abi as Abi, functionName, args })

  const assertChain = async (doing: string, options: AbortOptions) => {
    const found = await number('eth_chainId', [], doing, options)
    if (found !== BigInt(chain.id))
      throw new VaultError(
        'invalid',
        id,
        `${doing}: the node speaks to chain ${found}, and this vault is on ${chain.id}; give the rpc of that one`,
      )
  }

  const priced = async (call: Call, doing: string, options: AbortOptions) => {
    const data = encoded(call)
    // A node of another chain would otherwise refuse first, in words about that chain.
    await assertChain(doing, options)
    const [nonce, gas, tip, block] = await Promise.all([
      number('eth_getTransactionCount', [account.address, 'pending'], doing, options),
      number('eth_estimateGas', [{ from: account.address, to: call.address, data }], doing, options),
      number('eth_maxPriorityFeePerGas', [], doing, options),
      newest(doing, options),
    ])
    const base = BigInt(block?.baseFeePerGas ?? 0)
    return { nonce: Number(nonce), gas: withRoom(gas), data, maxPriorityFeePerGas: tip, maxFeePerGas: 2n * base + tip }
  }

  /** Undefined: it is there all the same. */
  const refusal = (error: unknown, hash: Hex, doing: string, options: AbortOptions): VaultError | undefined => {
    const said = wordsOf(error)
    if (KNOWN.test(said)) return undefined
    const refuse = (code: 'conflict' | 'exhausted', words: string) => new VaultError(code, id, `${doing}: ${words}`, { cause: error })
    if (LATE.test(said))
      return refuse('conflict', `another transaction of wallet ${account.address} went first; look what it did, then try again`)
    if (EARLY.test(said))
      return refuse(
        'conflict',
        `an earlier transaction of wallet ${account.address} is missing on the node; wait until it is mined, or send it again`,
      )
    if (POOR.test(said)) return refuse('exhausted', `wallet ${account.address} has not the FIL that its gas costs; send it some FIL`)
    const failure = failureOf(own, node, doing, error, options)
    if (failure.code !== 'unreachable') return failure
    const { retryAfterMs } = failure
    return new VaultError(
      'unreachable',
      id,
      `${doing}: nobody knows whether transaction ${hash} was sent; look for it before trying again`,
      {
        cause: failure,
        retryAfterMs,
      },
    )
  }

  return {
    assertChain,
    async read<T>(call: Call, doing: string, options: AbortOptions): Promise<T> {
      const data = await asked<Hex>('eth_call', [{ to: call.address, data: encoded(call) }, 'latest'], doing, options)
      try {
        return viem.decodeFunctionResult({ abi: call.abi as Abi, functionName: call.functionName, data }) as T
      } catch (cause) {
        throw new VaultError('unreachable', id, `${doing}: the node's answer for ${call.functionName} makes no sense; try another node`, {
          cause,
        })
      }
    },
    async now(doing, options) {
      const block = await newest(doing, options)
      if (block) return BigInt(block.timestamp)
      throw new VaultError('unreachable', id, `${doing}: the node knows no newest block; try again later, or with another node`)
    },
    async send(call, doing, options) {
      options.signal?.throwIfAborted()
      const { gas, ...fields } = await priced(call, doing, options).catch((error: unknown) => {
        throw poorer(error, { id, doing, address: account.address })
      })
      const raw = await account.signTransaction({ type: 'eip1559', chainId: chain.id, to: call.address, gas, ...fields })
      const hash = viem.keccak256(raw)
      node.onSigned?.({ hash, doing })
      try {
        await ask('eth_sendRawTransaction', [raw], options)
      } catch (error) {
        const refused = refusal(error, hash, doing, options)
        if (refused) throw refused
      }
      return hash
    },
  }
}

/** An estimate that fails for want of FIL says so only in words. */
function poorer(
  error: unknown,
  { id, doing, address }: { readonly id: string; readonly doing: string; readonly address: string },
): unknown {
  if (!(error instanceof VaultError) || error.code !== 'unreachable' || !POOR.test(wordsOf(error))) return error
  return new VaultError('exhausted', id, `${doing}: wallet ${address} has not the FIL that its gas costs; send it some FIL`, {
    cause: error,
  })
}
