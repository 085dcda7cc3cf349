/** A policy and its vaults in words: what would be chosen, what cannot be met, and which assumptions are weak. */
import type { Explanation } from '../contracts/keeping.ts'
import type { EvidencePolicy, Policy } from '../contracts/policy.ts'
import type { VaultProfile } from '../contracts/vault.ts'
import { demandsOf, domainOf, isTrusted } from './demands.ts'
import { headerPolicy, keepers, whyKeeps } from './erasable.ts'
import { type PlacementInput, place, tooSmall } from './placement.ts'
import { evidenceRulesFor } from './policy.ts'

export interface ExplainInput {
  readonly policy: Policy
  readonly vaults: readonly VaultProfile[]
  /** Size of the pack that is to be placed. */
  readonly packBytes: number
  /** Vaults that get nothing new, with the reason. */
  readonly excluded?: ReadonlyMap<string, string> | undefined
  readonly scores?: PlacementInput['scores']
}

/** Explains where a pack of that size would go and why. Never throws, also for vaults that an archive would refuse. */
export function explain({ policy, vaults, packBytes, excluded = new Map(), scores }: ExplainInput): Explanation {
  const { chosen, unmet } = place({ policy, vaults, packBytes, held: new Set(), excluded, scores })
  return {
    policy,
    vaults: vaults.map((vault) => ({
      id: vault.id,
      countsTowardFloor: isTrusted(vault),
      eligible: tooSmall(vault, packBytes) === undefined && !excluded.has(vault.id),
      notes: [...[excluded.get(vault.id)].filter((reason) => reason !== undefined), ...vaultNotes(vault, policy, packBytes)],
    })),
    chosen,
    satisfiable: unmet.length === 0,
    unmet,
    notes: [
      ...unmet.map(({ constraint, reason }) => `${constraint} cannot be met: ${reason}`),
      ...aloneNotes(vaults),
      ...sharedNotes(vaults),
      ...overrideNotes(policy, vaults),
      ...erasableNotes(policy, vaults),
    ],
  }
}

function vaultNotes(vault: VaultProfile, policy: Policy, packBytes: number): readonly string[] {
  const notes: string[] = []
  const small = tooSmall(vault, packBytes)
  if (small !== undefined) notes.push(`${small}; it gets none of this size: put with a smaller maxPackBytes`)
  if (!isTrusted(vault)) notes.push('IPFS: counts toward copies only, adds nothing to the floor or to distinct')
  else {
    for (const { constraint } of demandsOf(policy)) {
      const domain = constraint.startsWith('distinct.') ? constraint.slice('distinct.'.length) : undefined
      if (domain !== undefined && domainOf(vault, domain) === undefined) notes.push(`states no ${domain}: adds nothing to ${constraint}`)
    }
  }
  const rules = evidenceRulesFor(policy, vault.id)
  if (rules !== policy.evidence) notes.push(...weakerNotes(rules, policy.evidence))
  if (vault.cold) {
    const needsBytes = rules.accept.every((word) => word === 'sampled' || word === 'whole')
    notes.push(
      `cold: bytes are read only after a restore${needsBytes ? ', so it will not count; give it an override that accepts listed or proven' : ''}`,
    )
  }
  if (!vault.canForget) notes.push('cannot forget: what is stored there stays, also after rm')
  if (vault.term === 'renewable') notes.push('renewable: replicas end unless they are renewed')
  return notes
}

/** How an override asks for less than the policy; empty when it does not. */
function weakerNotes(override: EvidencePolicy, usual: EvidencePolicy): readonly string[] {
  const notes: string[] = []
  const stronger = usual.accept.includes('sampled') ? ['whole'] : []
  const extra = override.accept.filter((word) => !usual.accept.includes(word) && !stronger.includes(word))
  if (extra.length > 0) notes.push(`weaker evidence: accepts ${extra.join(', ')}, the policy ${usual.accept.join(', ')}`)
  if (override.maxAgeDays > usual.maxAgeDays)
    notes.push(`weaker evidence: accepted for ${override.maxAgeDays} days, the policy says ${usual.maxAgeDays}`)
  return notes
}

function aloneNotes(vaults: readonly VaultProfile[]): readonly string[] {
  if (vaults.length === 0) return ['no vault is configured']
  if (vaults.some(isTrusted)) return []
  return ['every vault is on IPFS, which is never trusted alone: an archive refuses to open with these']
}

/** Vaults outside IPFS that fail together, by operator and by device. */
function sharedNotes(vaults: readonly VaultProfile[]): readonly string[] {
  const trusted = vaults.filter(isTrusted)
  const shared = (domain: string) =>
    [...Map.groupBy(trusted, (vault) => domainOf(vault, domain))].flatMap(([value, group]) =>
      value !== undefined && group.length > 1 ? [{ value, ids: group.map(({ id }) => id).join(', ') }] : [],
    )
  const devices = shared('device')
  return [
    ...devices.map(({ value, ids }) => `${ids} share device ${value}: one failure domain, a dead disk takes all of them`),
    ...shared('operator').map(({ value, ids }) => `${ids} share operator ${value}: they count once toward the floor`),
  ]
}

/** Only where some vaults may not hold headers: otherwise erasable objects are placed like others. */
function erasableNotes(policy: Policy, vaults: readonly VaultProfile[]): readonly string[] {
  const able = vaults.filter((vault) => whyKeeps(vault) === undefined).map(({ id }) => id)
  if (able.length === vaults.length) return []
  const { unmet } = place({ policy: headerPolicy(policy), vaults, packBytes: 0, held: new Set(), excluded: keepers(vaults) })
  const [first] = unmet
  const headers = able.length === 0 ? 'no vault can forget' : `headers of erasable objects go only to ${able.join(', ')}`
  return [`${headers}${first ? `: ${first.found} of ${first.wanted} that policy asks for there` : ''}`]
}

function overrideNotes(policy: Policy, vaults: readonly VaultProfile[]): readonly string[] {
  return Object.keys(policy.overrides)
    .filter((id) => vaults.every((vault) => vault.id !== id))
    .map((id) => `policy.overrides.${id} names a vault that is not configured`)
}
