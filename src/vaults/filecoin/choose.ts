/** Which storage providers a piece may go to, best first. */
import type { Provider } from './port.ts'

export interface Wishes {
  /** Of the piece as it is uploaded. */
  readonly byteLength: number
  /** Ids, best first, and no others; empty: all that the service approves. */
  readonly providers: readonly bigint[]
  /** Found in what a provider says of its location, e.g. `DE` or `C=DE`; a wish, so that others come after. */
  readonly region?: string | undefined
  /** Of what it was asked, how much it did, from 0 to 1, as we have seen it; undefined: not known. */
  readonly scoreOf?: ((id: bigint) => number | undefined) | undefined
  /** Have a data set of ours already, which saves the opening of one. */
  readonly known?: ReadonlySet<bigint> | undefined
  /** Failed in this put: they come last. */
  readonly failed?: ReadonlySet<bigint> | undefined
}

/** Of a provider that nobody has measured. */
const UNMEASURED = 0.9
const SCALE = 1000

/** One that did half of what it was asked counts as twice as dear. */
export function ranked(providers: readonly Provider[], wishes: Wishes): readonly Provider[] {
  const { byteLength, failed, known, providers: listed } = wishes
  const fits = ({ isActive, minPieceBytes, maxPieceBytes }: Provider) =>
    isActive && minPieceBytes <= BigInt(byteLength) && (maxPieceBytes === 0n || BigInt(byteLength) <= maxPieceBytes)
  const isAllowed = ({ id, isApproved }: Provider) => (listed.length > 0 ? listed.includes(id) : isApproved)
  const order = (provider: Provider): readonly (number | bigint)[] => [
    Number(failed?.has(provider.id) === true),
    ...(listed.length > 0 ? [listed.indexOf(provider.id)] : []),
    Number(!isThere(provider, wishes.region)),
    Number(known?.has(provider.id) !== true),
    worth(provider, wishes),
    -scoreOf(provider, wishes),
    provider.id,
  ]
  return providers
    .filter((provider) => fits(provider) && isAllowed(provider))
    .map((provider) => ({ provider, order: order(provider) }))
    .toSorted((one, other) => compare(one.order, other.order))
    .map(({ provider }) => provider)
}

function isThere({ location }: Provider, region: string | undefined): boolean {
  if (region === undefined) return true
  const wish = region.toLowerCase()
  return location
    .toLowerCase()
    .split(';')
    .some((part) => part === wish || part.slice(part.indexOf('=') + 1) === wish)
}

const scoreOf = ({ id }: Provider, { scoreOf }: Wishes): number => Math.min(1, Math.max(0, scoreOf?.(id) ?? UNMEASURED))

function worth(provider: Provider, wishes: Wishes): bigint {
  const share = BigInt(Math.max(1, Math.round(scoreOf(provider, wishes) * SCALE)))
  return (provider.price * BigInt(SCALE)) / share
}

function compare(one: readonly (number | bigint)[], other: readonly (number | bigint)[]): number {
  for (const [at, value] of one.entries()) {
    const against = other[at] ?? 0
    if (value !== against) return value < against ? -1 : 1
  }
  return 0
}
