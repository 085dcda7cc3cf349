/** The policy and the vaults in words, with what opening them found. */
import type { Explanation } from '../contracts.ts'
import { IPFS } from '../policy/demands.ts'
import { explain } from '../policy/explain.ts'
import { type Context, profilesOf } from './context.ts'
import { LEAVING } from './leaving.ts'
import { lastScores, quarantined } from './scores.ts'

/** Explains where a pack would go; of a vault that could not be opened it says why. */
export function explainArchive(context: Context, { byteLength = context.maxPackBytes }: { readonly byteLength?: number | undefined } = {}) {
  const { policy, maxPackBytes, unopened, leaving } = context
  const found = explain({
    policy,
    vaults: profilesOf(context).filter(({ id }) => !leaving.has(id)),
    packBytes: Math.min(byteLength, maxPackBytes),
    excluded: quarantined(context),
    scores: lastScores(context),
  })
  const vaults = found.vaults.map((vault) => {
    const reason = unopened.get(vault.id)?.message
    return reason === undefined ? vault : { ...vault, notes: [`could not be opened: ${reason}`, ...vault.notes] }
  })
  const left = profilesOf(context)
    .filter(({ id }) => leaving.has(id))
    .map(({ id, network }) => ({
      id,
      countsTowardFloor: leaving.get(id) === 'leaving' && network !== IPFS,
      eligible: false,
      notes: [LEAVING],
    }))
  return { ...found, vaults: [...vaults, ...left] } satisfies Explanation
}
