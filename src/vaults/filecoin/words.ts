/** What a contract's refusal means for whoever pays, and what to do about it. */
import { oneLine } from '../../bytes/one-line.ts'
import { VaultError, type VaultErrorCode } from '../../errors.ts'
import { shownDown, shownUp } from './amount.ts'
import type { Packages } from './packages.ts'
import type { Hex } from './port.ts'

const MAX_TEXT = 200
const REVERT = /^0x[0-9a-f]{8}(?:[0-9a-f]{64})*$/i
/** Somewhere in a sentence; some nodes set the selector apart from what it carries. */
const REVERT_WITHIN = /\b(0x[0-9a-f]{8})(?::\s*)?((?:[0-9a-f]{64})*)\b/gi

type Args = Readonly<Record<string, unknown>>
type Words = readonly [VaultErrorCode, string | ((args: Args) => string)]

const up = (value: unknown): string => (typeof value === 'bigint' ? `${shownUp(value)} USDFC` : 'some USDFC')
const down = (value: unknown): string => (typeof value === 'bigint' ? `${shownDown(value)} USDFC` : 'too little')
const fund = (value?: unknown): string => `run \`perdure filecoin fund ${typeof value === 'bigint' ? shownUp(value) : 'AMOUNT'}\``
const approve = `${fund()}, which approves the service`
const another = 'choose another provider'
const anew = 'take another data set'

const deposit: Words = ['exhausted', `the deposit does not cover it; ${fund()}`]
const usedUp: Words = ['exhausted', `the deposit is used up, and what was stored before is owed for; ${fund()}`]
const rate: Words = ['denied', `the service may not take as much in an epoch as this needs; ${approve} for more`]
const lockup: Words = ['denied', `the service may not lock up as much as this needs; ${approve} for more`]
const period: Words = ['denied', `the service may not lock money up for as long as it does; ${approve} for that`]
const operator: Words = ['denied', `the payer has not approved the storage service; ${approve}`]
const ended: Words = ['invalid', ({ dataSetId }) => `the service of data set ${dataSetId} was terminated; ${anew}`]
const unknownSet: Words = ['invalid', ({ dataSetId }) => `the service knows no data set ${dataSetId}; ${anew}`]
const signature: Words = [
  'denied',
  ({ expected, actual }) =>
    `the signature is that of ${actual ?? 'somebody else'} and not of ${expected ?? 'the payer'}; use the payer's own key`,
]

/** By the name of the error. */
const WORDS: Readonly<Record<string, Words>> = {
  InsufficientLockupFunds: [
    'exhausted',
    ({ minimumRequired, available }) =>
      `${up(minimumRequired)} of the deposit have to be free to be locked up, and ${down(available)} are; ${fund(minimumRequired)}`,
  ],
  InsufficientUnlockedFunds: [
    'exhausted',
    ({ available, requested }) => `${down(available)} of the deposit are not locked up, and ${up(requested)} were asked for; ask for less`,
  ],
  InsufficientFundsForOneTimePayment: [
    'exhausted',
    ({ required, actual }) => `the deposit has ${down(actual)}, and ${up(required)} are due at once; ${fund(required)}`,
  ],
  ERC20InsufficientBalance: [
    'exhausted',
    ({ balance, needed }) => `the wallet has ${down(balance)}, and ${up(needed)} are to leave it; send it more`,
  ],
  UsdfcSybilFeeNotMet: ['exhausted', `the fee for a new data set is not covered; ${fund()}`],
  InsufficientFundsForSettlement: usedUp,
  InsufficientLockupForSettlement: usedUp,
  LockupNotSettledRateChangeNotAllowed: usedUp,
  LockupFixedIncreaseNotAllowedDueToInsufficientFunds: deposit,
  LockupPeriodChangeNotAllowedDueToInsufficientFunds: deposit,
  LockupExceedsFundsInvariant: deposit,
  OneTimePaymentExceedsLockup: deposit,
  OperatorNotApproved: operator,
  InsufficientRateAllowance: rate,
  OperatorRateAllowanceExceeded: rate,
  InsufficientLockupAllowance: lockup,
  OperatorLockupAllowanceExceeded: lockup,
  InsufficientMaxLockupPeriod: period,
  LockupPeriodExceedsOperatorMaximum: period,
  ERC20InsufficientAllowance: ['denied', 'the payments contract may not take that from the wallet; try again'],
  ERC2612ExpiredSignature: ['conflict', 'the permit ran out before it was mined; try again'],
  ERC2612InvalidSigner: ['conflict', 'another permit of this wallet went first; try again'],
  InvalidSignature: signature,
  InvalidSignatureLength: ['invalid', 'the signature has a wrong length; update perdure'],
  UnsupportedSignatureV: ['invalid', 'the signature is of a kind that the service does not take; update perdure'],
  CallerNotPayer: ['denied', ({ dataSetId, expectedPayer }) => `data set ${dataSetId} is paid by ${expectedPayer}; use that key`],
  CallerNotPayerOrPayee: ['denied', ({ dataSetId, expectedPayer }) => `data set ${dataSetId} is paid by ${expectedPayer}; use that key`],
  ClientDataSetAlreadyRegistered: [
    'conflict',
    ({ clientDataSetId }) =>
      `the nonce ${clientDataSetId} was used: what was signed with it is on the chain; look there before it is posted again`,
  ],
  ProviderNotInApprovedList: ['invalid', ({ providerId }) => `the service does not approve provider ${providerId}; ${another}`],
  ProviderNotRegistered: ['invalid', ({ provider }) => `${provider} is in no registry of providers (any more); ${another}`],
  DataSetPaymentAlreadyTerminated: ended,
  DataSetPaymentBeyondEndEpoch: ended,
  PaymentRailsNotFinalized: ['invalid', ({ dataSetId }) => `data set ${dataSetId} is paid for still; wait until its service has ended`],
  InvalidDataSetId: unknownSet,
  DataSetNotRegistered: unknownSet,
  NoPDPPaymentRail: unknownSet,
  RailInactiveOrSettled: ['invalid', ({ railId }) => `payment rail ${railId} has ended; ${anew}`],
  RailAlreadyTerminated: ['invalid', ({ railId }) => `payment rail ${railId} was terminated; ${anew}`],
  RateChangeNotAllowedOnTerminatedRail: ['invalid', ({ railId }) => `payment rail ${railId} was terminated; ${anew}`],
  ExtraDataTooLarge: ['invalid', 'the order is too large for one transaction; add fewer pieces at once'],
}

/** Errors of tokens, which are in no ABI of the packages. */
const TOKEN = [
  error('ERC20InsufficientBalance', ['address sender', 'uint256 balance', 'uint256 needed']),
  error('ERC20InsufficientAllowance', ['address spender', 'uint256 allowance', 'uint256 needed']),
  error('ERC2612ExpiredSignature', ['uint256 deadline']),
  error('ERC2612InvalidSigner', ['address signer', 'address owner']),
]

function error(name: string, inputs: readonly string[]) {
  const typed = inputs.map((input) => {
    const [type = '', name = ''] = input.split(' ')
    return { type, name }
  })
  return { type: 'error', name, inputs: typed } as const
}

/** What a contract gave back instead of an answer, in whatever layer of an error it is kept. */
export function revertIn(failure: unknown): Hex | undefined {
  for (let at = failure, depth = 0; typeof at === 'object' && at !== null && depth < 16; depth++) {
    const { data, cause, details } = at as { readonly data?: unknown; readonly cause?: unknown; readonly details?: unknown }
    const inside = typeof data === 'object' && data !== null ? (data as { readonly data?: unknown }).data : data
    if (typeof inside === 'string' && REVERT.test(inside)) return inside as Hex
    if (cause === undefined && typeof details === 'string') return revertWithin(details)
    at = cause
  }
  return undefined
}

/** What a contract gave back, where somebody only repeats it in a sentence, as nodes and storage providers do. */
export function revertWithin(text: string): Hex | undefined {
  const found = Array.from(text.matchAll(REVERT_WITHIN), ([, selector = '', rest = '']) => `${selector}${rest}` as Hex)
  return found.reduce<Hex | undefined>((best, revert) => (best === undefined || revert.length > best.length ? revert : best), undefined)
}

/** Continues "vault x: " with what was being done. */
export function refusalOf(packages: Packages, id: string, doing: string, revert: Hex, cause?: unknown): VaultError {
  const { name, args } = decoded(packages, revert)
  const [code, words] = (name !== undefined && Object.hasOwn(WORDS, name) ? WORDS[name] : undefined) ?? strange(revert, name, args)
  return new VaultError(code, id, `${doing}: ${typeof words === 'string' ? words : words(args)}`, { cause })
}

function strange(revert: Hex, name: string | undefined, args: Args): Words {
  const selector = revert.slice(0, 10)
  const retry = 'look at what it was asked for, or update perdure'
  if (name === undefined) return ['invalid', `a contract refused with ${selector}, which is none of the errors known here; ${retry}`]
  if (name === 'Error') return ['invalid', `a contract refused: ${oneLine(String(args[0]), MAX_TEXT)}; ${retry}`]
  if (name === 'Panic') return ['invalid', `a contract failed in itself (panic ${args[0]}); ${retry}`]
  return ['invalid', `a contract refused with ${name} (${selector}); ${retry}`]
}

function decoded({ viem, abis }: Packages, revert: Hex): { readonly name?: string; readonly args: Args } {
  const abi = [...abis.fwss, ...abis.filecoinPay, ...abis.pdp, ...abis.serviceProviderRegistry, ...TOKEN].filter(
    ({ type }) => type === 'error',
  )
  try {
    const {
      errorName,
      args = [],
      abiItem,
    } = viem.decodeErrorResult({ abi: abi as never, data: revert }) as unknown as {
      readonly errorName: string
      readonly args?: readonly unknown[]
      readonly abiItem: { readonly inputs?: readonly { readonly name?: string }[] }
    }
    // Those of Solidity itself have no names for what they carry.
    const entries = args.flatMap((value, index): [string | number, unknown][] => [
      [index, value],
      [abiItem.inputs?.[index]?.name || index, value],
    ])
    return { name: errorName, args: Object.fromEntries(entries) }
  } catch {
    return { args: {} }
  }
}
