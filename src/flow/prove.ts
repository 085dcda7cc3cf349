/** Possession, proven by the vault itself where it can: on a chain, or by a protocol of its network. It answers no question about reads. */
import type { AbortOptions, Attestation, EvidenceRow, Locator, PackRow, Vault } from '../contracts.ts'
import type { Context } from './context.ts'

export interface Proving extends AbortOptions {
  readonly pack: PackRow
  readonly at: Locator
  readonly seed: Uint8Array
}

export interface Proof {
  readonly verdict: Attestation['verdict']
  /** Undefined where nothing was proven, or blocks are known to be lost: then it is no evidence. */
  readonly row: EvidenceRow | undefined
}

/** Undefined for vaults that attest nothing. A proof that does not come proves nothing. */
export async function prove(context: Context, vault: Vault, { pack, at, seed, signal }: Proving): Promise<Proof | undefined> {
  if (!vault.attest) return undefined
  const patience = AbortSignal.timeout(context.timeoutMs)
  try {
    const proof = await vault.attest(at, { name: pack.name, seed }, { signal: signal ? AbortSignal.any([signal, patience]) : patience })
    return { verdict: proof.verdict, row: await rowOf(context, vault, pack, proof) }
  } catch {
    signal?.throwIfAborted()
    return { verdict: 'unproven', row: undefined }
  }
}

async function rowOf(
  { catalog, clock }: Context,
  { profile: { id: vault } }: Vault,
  { id: pack }: PackRow,
  { verdict, detail }: Attestation,
): Promise<EvidenceRow | undefined> {
  if (verdict === 'unproven' || (verdict === 'proven' && (await catalog.unansweredOf(pack, vault)).length > 0)) return undefined
  const proven = verdict === 'proven'
  return {
    pack,
    vault,
    object: 0,
    verdict: proven ? 'intact' : 'damaged',
    possession: proven ? 'proven' : 'claimed',
    retrieval: 'none',
    at: clock(),
    asked: 1,
    answered: 1,
    bytesRead: 0,
    detail,
  }
}
