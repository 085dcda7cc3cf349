/** Pay once, for replacing too: a run that died after the vault took the new bytes has left verdicts that speak of the old ones. */
import type { AbortOptions, Locator, PackRow, Vault } from '../contracts.ts'
import { VaultError } from '../errors.ts'
import { challengeReplica, type ReplicaChallenge } from './challenge.ts'
import type { Context } from './context.ts'

const BAD: ReadonlySet<string> = new Set(['damaged', 'missing'])

/**
 * Where the replica lies that was to be replaced, when every byte there turns out to be right; then nothing need be sent. What was known to be wrong is asked
 * for first, so that damage that is still there costs few reads. Throws `unreachable` or
 * `denied` when the vault does not show it: not knowing is no reason to pay.
 */
export async function replacedAlready(
  context: Context,
  pack: PackRow,
  vault: Vault,
  { signal }: AbortOptions,
): Promise<Locator | undefined> {
  // Bytes of a cold replica are not to be had; there the verdict was the vault's own word.
  if (vault.profile.cold) return undefined
  const at = await vault.locate(pack.name, { signal, kind: pack.kind, root: pack.root })
  if (at === undefined) return undefined
  const challenge = { vault, pack, at, object: 0, signal }
  const open = await context.catalog.unansweredOf(pack.id, vault.profile.id)
  if (open.length > 0 && !(await isWell(context, { ...challenge, ordinals: [] }))) return undefined
  return (await isWell(context, { ...challenge, ordinals: 'all' })) ? at : undefined
}

async function isWell(context: Context, challenge: ReplicaChallenge): Promise<boolean> {
  const { verdict } = await challengeReplica(context, challenge)
  if (verdict === 'intact') return true
  if (BAD.has(verdict)) return false
  const { id } = challenge.vault.profile
  const advice = 'it is not stored there again before that is known; repair again when the vault answers'
  throw new VaultError(
    verdict === 'denied' ? 'denied' : 'unreachable',
    id,
    `whether pack ${challenge.pack.name} lies there whole could not be seen (${verdict}); ${advice}`,
  )
}
