/** One transaction: priced, signed and handed to the node once. */
import type { Abi } from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import type { AbortOptions } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import type { Packages } from '../packages.ts'
import type { Hex } from '../port.ts'
import { type Ask, assertSameChain, type ChainNode, failureOf, wordsOf } from './wire.ts'

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
  /** Throws `conflict` while a transaction of the wallet is not mined: what it changes is not to be read yet. */
  assertIdle(doing: string, options: AbortOptions): Promise<void>
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

/** What the steps of a transaction have in common. */
interface Wire {
  readonly own: Packages
  readonly node: Signer
  readonly ask: Ask
}

export function senderOf(own: Packages, node: Signer, ask: Ask): Sender {
  const wire: Wire = { own, node, ask }
  return {
    assertChain: (doing, options) => assertChain(wire, doing, options),
    assertIdle: (doing, options) => assertIdle(wire, doing, options),
    read: (call, doing, options) => read(wire, call, doing, options),
    async now(doing, options) {
      const block = await newest(wire, doing, options)
      if (block) return BigInt(block.timestamp)
      throw new VaultError('unreachable', node.id, `${doing}: the node knows no newest block; try again later, or with another node`)
    },
    send: (call, doing, options) => send(wire, call, doing, options),
  }
}

const asked = <T>({ own, node, ask }: Wire, method: string, params: readonly unknown[], doing: string, options: AbortOptions): Promise<T> =>
  ask<T>(method, params, options).catch((error: unknown) => {
    throw failureOf(own, node, doing, error, options)
  })

async function number(wire: Wire, method: string, params: readonly unknown[], doing: string, options: AbortOptions): Promise<bigint> {
  const value = await asked<unknown>(wire, method, params, doing, options)
  if (typeof value === 'string' && /^0x[0-9a-f]+$/i.test(value)) return BigInt(value)
  throw new VaultError('unreachable', wire.node.id, `${doing}: the node answers ${method} with no number; try again with another node`)
}

const newest = (wire: Wire, doing: string, options: AbortOptions) =>
  asked<Block | null>(wire, 'eth_getBlockByNumber', ['latest', false], doing, options)

const countAt = (wire: Wire, block: 'latest' | 'pending', doing: string, options: AbortOptions) =>
  number(wire, 'eth_getTransactionCount', [wire.node.account.address, block], doing, options)

async function assertChain(wire: Wire, doing: string, options: AbortOptions): Promise<void> {
  assertSameChain(wire.node, doing, await number(wire, 'eth_chainId', [], doing, options))
}

async function assertIdle(wire: Wire, doing: string, options: AbortOptions): Promise<void> {
  const { id, account } = wire.node
  const [mined, known] = await Promise.all([countAt(wire, 'latest', doing, options), countAt(wire, 'pending', doing, options)])
  if (known > mined)
    throw new VaultError(
      'conflict',
      id,
      `${doing}: an earlier transaction of wallet ${account.address} is not mined yet; try again once it is`,
    )
}

const encoded = ({ own }: Wire, { abi, functionName, args }: Call) => own.viem.encodeFunctionData({ abi: abi as Abi, functionName, args })

async function read<T>(wire: Wire, call: Call, doing: string, options: AbortOptions): Promise<T> {
  const { own, node } = wire
  const { address: to, abi, functionName } = call
  const data = await asked<Hex>(wire, 'eth_call', [{ to, data: encoded(wire, call) }, 'latest'], doing, options)
  try {
    return own.viem.decodeFunctionResult({ abi: abi as Abi, functionName, data }) as T
  } catch (cause) {
    throw new VaultError('unreachable', node.id, `${doing}: the node's answer for ${functionName} makes no sense; try another node`, {
      cause,
    })
  }
}

async function priced(wire: Wire, call: Call, doing: string, options: AbortOptions) {
  const { account } = wire.node
  const data = encoded(wire, call)
  // A node of another chain would otherwise refuse first, in words about that chain.
  await assertChain(wire, doing, options)
  const [nonce, gas, tip, block] = await Promise.all([
    countAt(wire, 'pending', doing, options),
    number(wire, 'eth_estimateGas', [{ from: account.address, to: call.address, data }], doing, options),
    number(wire, 'eth_maxPriorityFeePerGas', [], doing, options),
    newest(wire, doing, options),
  ])
  const base = BigInt(block?.baseFeePerGas ?? 0)
  return { nonce: Number(nonce), gas: withRoom(gas), data, maxPriorityFeePerGas: tip, maxFeePerGas: 2n * base + tip }
}

async function send(wire: Wire, call: Call, doing: string, options: AbortOptions): Promise<Hex> {
  const { own, node, ask } = wire
  const { id, account, chain } = node
  options.signal?.throwIfAborted()
  const fields = await priced(wire, call, doing, options).catch((error: unknown) => {
    throw poorer(error, { id, doing, address: account.address })
  })
  const raw = await account.signTransaction({ type: 'eip1559', chainId: chain.id, to: call.address, ...fields })
  const hash = own.viem.keccak256(raw)
  node.onSigned?.({ hash, doing })
  try {
    await ask('eth_sendRawTransaction', [raw], options)
  } catch (error) {
    const refused = refusal(wire, error, hash, doing, options)
    if (refused) throw refused
  }
  return hash
}

/** Undefined: it is there all the same. */
function refusal({ own, node }: Wire, error: unknown, hash: Hex, doing: string, options: AbortOptions): VaultError | undefined {
  const { id, account } = node
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
  return new VaultError('unreachable', id, `${doing}: nobody knows whether transaction ${hash} was sent; look for it before trying again`, {
    cause: failure,
    retryAfterMs,
  })
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
