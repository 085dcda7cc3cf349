/** A policy as a list of demands: each wants a number of distinct values among a set of vaults. */
import type { Policy } from '../contracts/policy.ts'
import type { VaultProfile } from '../contracts/vault.ts'

/** The network that never counts toward the floor or toward `distinct`. */
export const IPFS = 'ipfs'

export const isTrusted = (vault: VaultProfile): boolean => vault.network !== IPFS

/** One constraint of a policy: `copies`, `floor` or `distinct.<domain>`. */
export interface Demand {
  readonly constraint: string
  readonly wanted: number
  /** Counted by distinct values; undefined adds nothing. */
  valueOf(vault: VaultProfile): string | undefined
}

/** A vault's value of a failure domain: network, operator, region, jurisdiction or any label. */
export function domainOf(vault: VaultProfile, domain: string): string | undefined {
  if (domain === 'network' || domain === 'operator' || domain === 'region' || domain === 'jurisdiction') return vault[domain]
  const labels = vault.labels ?? {}
  return Object.hasOwn(labels, domain) ? labels[domain] : undefined
}

/** Of each policy, which never changes: every judgement asks. */
const ofPolicies = new WeakMap<Policy, readonly Demand[]>()

/** Floor first, then copies, then the distinct domains; demands for nothing are left out. */
export function demandsOf(policy: Policy): readonly Demand[] {
  const known = ofPolicies.get(policy)
  if (known) return known
  const demands = demandsIn(policy)
  ofPolicies.set(policy, demands)
  return demands
}

function demandsIn(policy: Policy): readonly Demand[] {
  const demands: Demand[] = [
    { constraint: 'floor', wanted: policy.floor, valueOf: (vault) => (isTrusted(vault) ? vault.operator : undefined) },
    { constraint: 'copies', wanted: policy.copies, valueOf: (vault) => vault.id },
    ...Object.entries(policy.distinct).map(([domain, wanted]) => ({
      constraint: `distinct.${domain}`,
      wanted,
      valueOf: (vault: VaultProfile) => (isTrusted(vault) ? domainOf(vault, domain) : undefined),
    })),
  ]
  return demands.filter(({ wanted }) => wanted > 0)
}

/** How much of a demand a set of vaults meets. Never falls when a vault is added. */
export function foundIn(demand: Demand, vaults: readonly VaultProfile[]): number {
  // Vaults are few, and asked about in every judgement: a list beats a set.
  const values: string[] = []
  for (const vault of vaults) {
    const value = demand.valueOf(vault)
    if (value !== undefined && !values.includes(value)) values.push(value)
  }
  return values.length
}

/** What a demand counts, in words. */
export function nounOf({ constraint, wanted }: Demand): string {
  if (constraint === 'copies') return wanted === 1 ? 'copy' : 'copies'
  if (constraint === 'floor') return wanted === 1 ? 'operator outside IPFS' : 'distinct operators outside IPFS'
  return `distinct values of ${constraint.slice('distinct.'.length)} outside IPFS`
}

/** What to add so that a demand can be met. */
export function remedyOf({ constraint, wanted }: Demand, found: number): string {
  const more = wanted - found
  if (constraint === 'copies') return `add ${more} more ${more === 1 ? 'vault' : 'vaults'} or lower copies to ${found}`
  if (constraint === 'floor') {
    return `add ${more === 1 ? 'a vault' : `${more} vaults`} run by ${more === 1 ? 'another operator' : 'other operators'}; directories on one device share one operator`
  }
  const domain = constraint.slice('distinct.'.length)
  return `add ${more === 1 ? 'a vault' : `${more} vaults`} with another ${domain}, or state the ${domain} of those that have none`
}
