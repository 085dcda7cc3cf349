/** Vault profiles and evidence rows for the policy tests. */
import type { PolicyInput } from '../../src/contracts/policy.ts'
import type { VaultProfile } from '../../src/contracts/vault.ts'
import { resolvePolicy } from '../../src/policy/policy.ts'
import type { JudgedReplicaInput } from '../../src/policy/state.ts'
import type { JudgedEvidence } from '../../src/policy/weigh.ts'

export const DAY = 86_400_000
export const NOW = Date.UTC(2026, 10, 20)
export const OBJECT = 7

export const policyOf = (input?: PolicyInput) => resolvePolicy(input)

export const vault = (id: string, more: Partial<VaultProfile> = {}): VaultProfile => ({
  id,
  network: 'local',
  operator: `operator-${id}`,
  term: 'standing',
  canForget: true,
  paid: false,
  cold: false,
  addressing: 'offset',
  ...more,
})

export const ipfs = (id: string, more: Partial<VaultProfile> = {}) => vault(id, { network: 'ipfs', addressing: 'cid', ...more })

export const row = (verdict: JudgedEvidence['verdict'], daysAgo = 1, more: Partial<JudgedEvidence> = {}): JudgedEvidence => ({
  verdict,
  possession: verdict === 'intact' ? 'listed' : 'claimed',
  retrieval: verdict === 'intact' || verdict === 'damaged' || verdict === 'incomplete' ? 'sampled' : 'none',
  at: NOW - daysAgo * DAY,
  object: OBJECT,
  ...more,
})

export const listed = (daysAgo = 1) => row('unproven', daysAgo, { possession: 'listed' })

export const replica = (id: string, ...evidence: readonly JudgedEvidence[]): JudgedReplicaInput<JudgedEvidence> => ({
  vault: id,
  state: 'placed',
  locator: `at-${id}`,
  evidence,
})

export const intended = (id: string): JudgedReplicaInput<JudgedEvidence> => ({ vault: id, state: 'intended', evidence: [] })
