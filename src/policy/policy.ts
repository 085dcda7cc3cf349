/** A policy from what a user wrote, and the check that the vaults can keep it at all. */
import type { EvidencePolicy, Policy, PolicyInput } from '../contracts/policy.ts'
import type { VaultProfile } from '../contracts/vault.ts'
import { PolicyError } from '../errors.ts'
import { isTrusted } from './demands.ts'

const ACCEPTED = ['listed', 'sampled', 'whole', 'proven'] as const
const SETTINGS = ['copies', 'floor', 'distinct', 'evidence', 'overrides', 'graceDays', 'erasable']
const EVIDENCE_SETTINGS = ['accept', 'maxAgeDays']

const DEFAULT_EVIDENCE: EvidencePolicy = { accept: ['sampled', 'whole'], maxAgeDays: 30 }
const DEFAULT_COPIES = 2
const DEFAULT_FLOOR = 1
const DEFAULT_GRACE_DAYS = 3

/**
 * Fills in defaults and checks every value. `copies` left out is 2, or as many as floor and distinct demand.
 * Throws PolicyError `invalid`, naming field and value; settings it does not know are refused.
 */
export function resolvePolicy(input: PolicyInput | undefined): Policy {
  const given = record('policy', input ?? {}, SETTINGS)
  const floor = integer('policy.floor', given.floor ?? DEFAULT_FLOOR, 0)
  const distinct: Record<string, number> = {}
  for (const [domain, wanted] of Object.entries(record('policy.distinct', given.distinct ?? {}))) {
    if (domain === '') throw invalid('policy.distinct', domain, 'needs the name of a failure domain: network, operator, region, …')
    if (wanted !== undefined) distinct[domain] = integer(`policy.distinct.${domain}`, wanted, 0)
  }
  const copies = integer('policy.copies', given.copies ?? Math.max(DEFAULT_COPIES, floor, ...Object.values(distinct)), 1)
  if (copies < floor) throw invalid('policy.copies', copies, `must be at least the floor, ${floor}`)
  for (const [domain, wanted] of Object.entries(distinct)) {
    if (copies < wanted) throw invalid('policy.copies', copies, `must be at least policy.distinct.${domain}, ${wanted}`)
  }
  const evidence = evidencePolicy('policy.evidence', given.evidence ?? {}, DEFAULT_EVIDENCE)
  const overrides: Record<string, EvidencePolicy> = {}
  for (const [vault, override] of Object.entries(record('policy.overrides', given.overrides ?? {}))) {
    if (override !== undefined) overrides[vault] = evidencePolicy(`policy.overrides.${vault}`, override, evidence)
  }
  const graceDays = days('policy.graceDays', given.graceDays ?? DEFAULT_GRACE_DAYS)
  return {
    copies,
    floor,
    distinct,
    evidence,
    overrides,
    graceDays,
    ...(given.erasable !== undefined && { erasable: erasablePolicy(given.erasable, { copies, floor }) }),
  }
}

function erasablePolicy(value: unknown, defaults: { readonly copies: number; readonly floor: number }): NonNullable<Policy['erasable']> {
  const given = record('policy.erasable', value, ['copies', 'floor'])
  const floor = integer('policy.erasable.floor', given.floor ?? defaults.floor, 0)
  const copies = integer('policy.erasable.copies', given.copies ?? Math.max(defaults.copies, floor), 1)
  if (copies < floor) throw invalid('policy.erasable.copies', copies, `must be at least policy.erasable.floor, ${floor}`)
  return { copies, floor }
}

/**
 * Refuses vaults that could never hold the floor, however well they behave. IPFS counts zero, and is refused alone even with floor 0.
 * Throws PolicyError `unreachable-floor`, which says which vaults there are and what to add.
 */
export function checkReach(policy: Policy, vaults: readonly VaultProfile[]): void {
  const trusted = vaults.filter(isTrusted)
  const operators = new Set(trusted.map(({ operator }) => operator))
  if (trusted.length > 0 && operators.size >= policy.floor) return
  const listing = vaults.map(({ id, network, operator }) => `${id} (${network}, ${operator})`).join(', ')
  if (vaults.length === 0) {
    throw new PolicyError('unreachable-floor', 'no vault is configured. Add one outside IPFS: a directory on another disk or an S3 bucket.')
  }
  if (trusted.length === 0) {
    throw new PolicyError(
      'unreachable-floor',
      `every vault is on IPFS: ${listing}. IPFS counts zero toward the floor of ${policy.floor} and is never trusted alone. ` +
        'Add a vault outside IPFS: a directory or an S3 bucket.',
    )
  }
  throw new PolicyError(
    'unreachable-floor',
    `the floor wants ${policy.floor} distinct operators outside IPFS, these vaults have ${operators.size}: ${[...operators].join(', ')}. ` +
      `Vaults: ${listing}. IPFS counts zero, and two directories on one device share an operator (device-…). ` +
      `Add a vault run by another operator, such as a directory on another disk or an S3 bucket, or lower policy.floor to ${operators.size}.`,
  )
}

/** The evidence rules that hold for one vault. */
export function evidenceRulesFor(policy: Policy, vault: string): EvidencePolicy {
  return (Object.hasOwn(policy.overrides, vault) ? policy.overrides[vault] : undefined) ?? policy.evidence
}

function evidencePolicy(field: string, value: unknown, defaults: EvidencePolicy): EvidencePolicy {
  const given = record(field, value, EVIDENCE_SETTINGS)
  const accept = given.accept ?? defaults.accept
  if (!Array.isArray(accept) || accept.length === 0)
    throw invalid(`${field}.accept`, accept, `must list at least one of ${ACCEPTED.join(', ')}`)
  const words = accept.map((word: unknown) => {
    const known = ACCEPTED.find((name) => name === word)
    if (known === undefined) throw invalid(`${field}.accept`, word, `is not one of ${ACCEPTED.join(', ')}`)
    return known
  })
  const maxAgeDays = days(`${field}.maxAgeDays`, given.maxAgeDays ?? defaults.maxAgeDays)
  if (maxAgeDays === 0) throw invalid(`${field}.maxAgeDays`, maxAgeDays, 'must be more than 0 days')
  return { accept: [...new Set(words)], maxAgeDays }
}

function record(field: string, value: unknown, known?: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(field, value, 'must be an object')
  const stranger = known && Object.keys(value).find((key) => !known.includes(key))
  if (stranger !== undefined) throw new PolicyError('invalid', `${field}.${stranger} is not a setting; there are ${known?.join(', ')}`)
  return { ...value }
}

function integer(field: string, value: unknown, least: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least) {
    throw invalid(field, value, `must be a whole number of at least ${least}`)
  }
  return value
}

function days(field: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
    throw invalid(field, value, 'must be a number of days, not negative')
  return value
}

function invalid(field: string, value: unknown, demand: string): PolicyError {
  const shown = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))
  return new PolicyError('invalid', `${field} is ${shown.slice(0, 100)} and ${demand}`)
}
