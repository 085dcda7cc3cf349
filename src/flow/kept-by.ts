/** What keeps a pack in a vault that cannot forget, where the vault tells: for people who asked to remove it, not for sweeps. */
import type { AbortOptions, PackRow, Retention } from '../contracts.ts'
import type { Context } from './context.ts'
import type { Kept } from './garbage.ts'

/** The same, with the date of a lock and a hold added to the reasons. A vault that does not answer adds nothing. */
export async function withLocks(
  context: Context,
  pack: PackRow,
  kept: readonly Kept[],
  options: AbortOptions = {},
): Promise<readonly Kept[]> {
  const replicas = await context.catalog.replicasOf([pack.id])
  return Promise.all(
    kept.map(async (one) => {
      const vault = one.vault === undefined ? undefined : context.vaults.get(one.vault)
      const at = replicas.find((row) => row.vault === one.vault)?.locator
      // What a vault refused to remove comes with its reason already.
      if (!vault?.retention || vault.profile.canForget || at === undefined) return one
      const held = await vault.retention(at, options).catch(() => undefined)
      options.signal?.throwIfAborted()
      return held ? { ...one, reason: `${one.reason}: ${inWords(held)}` } : one
    }),
  )
}

function inWords({ until, mode, legalHold }: Retention): string {
  const lock = `a lock${mode ? ` (${mode})` : ''} retains it until ${until.toISOString()}`
  return [...(until.getTime() > 0 ? [lock] : []), ...(legalHold ? ['a legal hold keeps it'] : [])].join(', and ')
}
