/**
 * The chain, as it is written to with the payer's key. A transaction is signed here, its hash told before it is sent, and nobody waits for it to be mined.
 * A deposit is always one transaction: where the allowance is short the wallet signs a permit, which travels within it, so that nothing has to be put in order.
 */
import type { Chain } from '@filoz/synapse-core/chains'
import type { PrivateKeyAccount } from 'viem/accounts'
import type { AbortOptions } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import { shownDown, shownUp } from '../amount.ts'
import { type Packages, packages } from '../packages.ts'
import type { ChainWriter, CreationOrder, Hex } from '../port.ts'
import { type Sender, senderOf } from './send.ts'
import { askOf, failureOf } from './wire.ts'

export interface WriterOptions {
  readonly id: string
  readonly rpc: string
  readonly chain: Chain
  readonly account: PrivateKeyAccount
  readonly fetch?: typeof fetch | undefined
  /** For one answer. */
  readonly timeoutMs: number
  /** Told of each transaction once it is signed and before it is sent. */
  readonly onSigned?: ((transaction: { readonly hash: Hex; readonly doing: string }) => void) | undefined
}

/** By the time of the newest block. */
const PERMIT_SECONDS = 3600n

/** Throws VaultError `unsupported` without the packages and for a chain that they do not know. Asks nothing yet. */
export async function chainWriter(options: WriterOptions): Promise<ChainWriter> {
  const { id, account } = options
  const own = await packages(id)
  const chain = knownChain(own, id, options.chain)
  const node = { ...options, chain }
  const { filecoinPay, fwss, usdfc } = chain.contracts
  const ask = askOf(own, node)
  const sender = senderOf(own, node, ask)
  const approval = (rate: bigint, lockup: bigint, period: bigint) =>
    ({ ...filecoinPay, functionName: 'setOperatorApproval', args: [usdfc.address, fwss.address, true, rate, lockup, period] }) as const
  return {
    recordKeeper: fwss.address,
    deposit: (amount, options = {}) => deposited(own, { id, chain, account, sender }, amount, options),
    approve: ({ rateAllowance, lockupAllowance, maxLockupPeriod }, options = {}) =>
      sender.send(approval(rateAllowance, lockupAllowance, maxLockupPeriod), 'approving the storage service', options),
    terminate: (dataSetId, options = {}) =>
      sender.send({ ...fwss, functionName: 'terminateService', args: [dataSetId] }, `terminating data set ${dataSetId}`, options),
    ...signing(own, chain, account, (error) => failureOf(own, node, 'signing', error)),
  }
}

function knownChain({ chains }: Packages, id: string, chain: Chain): Chain {
  try {
    return chains.asChain(chain)
  } catch (cause) {
    throw new VaultError('unsupported', id, `chain ${chain?.id} is none of Filecoin that @filoz/synapse-core knows; use 314 or 314159`, {
      cause,
    })
  }
}

interface Depositor {
  readonly id: string
  readonly chain: Chain
  readonly account: PrivateKeyAccount
  readonly sender: Sender
}

async function deposited(own: Packages, { id, chain, account, sender }: Depositor, amount: bigint, options: AbortOptions): Promise<Hex> {
  if (amount <= 0n) throw new VaultError('invalid', id, 'a deposit of nothing; name a sum above zero')
  const { filecoinPay, usdfc } = chain.contracts
  const doing = `depositing ${shownUp(amount)} USDFC`
  const read = <T>(functionName: string, args: readonly unknown[] = []) =>
    sender.read<T>({ address: usdfc.address, abi: usdfc.abi, functionName, args }, doing, options)
  await sender.assertChain(doing, options)
  // One that a dead run sent may be it.
  await sender.assertIdle(doing, options)
  const [wallet, allowance] = await Promise.all([
    read<bigint>('balanceOf', [account.address]),
    read<bigint>('allowance', [account.address, filecoinPay.address]),
  ])
  if (wallet < amount)
    throw new VaultError(
      'exhausted',
      id,
      `${doing}: wallet ${account.address} has ${shownDown(wallet)} USDFC; send it ${shownUp(amount - wallet)} USDFC more`,
    )
  if (allowance >= amount)
    return sender.send({ ...filecoinPay, functionName: 'deposit', args: [usdfc.address, account.address, amount] }, doing, options)
  const [name, version, nonce, now] = await Promise.all([
    read<string>('name'),
    read<string>('version'),
    read<bigint>('nonces', [account.address]),
    sender.now(doing, options),
  ])
  const deadline = now + PERMIT_SECONDS
  const signature = await own.typedData.signErc20Permit(clientOf(own, chain, account), { amount, nonce, deadline, name, version })
  const { r, s, v = 27n } = own.viem.parseSignature(signature)
  const args = [usdfc.address, account.address, amount, deadline, Number(v), r, s]
  return sender.send({ ...filecoinPay, functionName: 'depositWithPermit', args }, doing, options)
}

/** For the package's signing functions, which want a client and ask it nothing. */
const clientOf = ({ viem }: Packages, chain: Chain, account: PrivateKeyAccount) =>
  viem.createWalletClient({
    chain,
    account,
    transport: viem.custom({ request: () => Promise.reject(new Error('signing asks no node')) }, { retryCount: 0 }),
  })

type Signing = Pick<ChainWriter, 'signCreation' | 'signAddition' | 'signRemoval'>

/** The same order gives the same bytes every time: ECDSA as RFC 6979 has it. */
function signing(own: Packages, chain: Chain, account: PrivateKeyAccount, failed: (error: unknown) => VaultError): Signing {
  const { typedData } = own
  const client = clientOf(own, chain, account)
  const signed = (promise: Promise<Hex>) =>
    promise.catch((error: unknown) => {
      throw failed(error)
    })
  const pairs = (record: Readonly<Record<string, string>>) => Object.entries(record).map(([key, value]) => ({ key, value }))
  const piecesOf = ({ pieces }: Pick<CreationOrder, 'pieces'>) =>
    pieces.map(({ cid, metadata }) => ({ pieceCid: cid as never, metadata: pairs(metadata) }))
  return {
    signCreation: (order) =>
      signed(
        typedData.signCreateDataSetAndAddPieces(client, {
          clientDataSetId: order.clientDataSetId,
          nonce: order.nonce,
          payee: order.payee,
          metadata: pairs(order.metadata),
          pieces: piecesOf(order),
        }),
      ),
    signAddition: (order) =>
      signed(typedData.signAddPieces(client, { clientDataSetId: order.clientDataSetId, nonce: order.nonce, pieces: piecesOf(order) })),
    signRemoval: ({ clientDataSetId, pieceIds }) =>
      signed(typedData.signSchedulePieceRemovals(client, { clientDataSetId, pieceIds: [...pieceIds] })),
  }
}
