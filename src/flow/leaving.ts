/** Vaults that are being left: placement passes them over, and what lies in one that was left does not count. */
import type { VaultProfile } from '../contracts.ts'
import { type Context, profilesOf } from './context.ts'

export const LEAVING = 'it is being left (perdure evacuate), and gets nothing new'

/** Another process may have begun or ended an evacuation. */
export async function lookAtLeaving(context: Context): Promise<void> {
  const rows = await context.catalog.evacuations()
  context.leaving.clear()
  for (const { vault, state } of rows) context.leaving.set(vault, state)
}

/** The vaults whose replicas count. */
export const countingProfiles = (context: Context): readonly VaultProfile[] =>
  profilesOf(context).filter(({ id }) => context.leaving.get(id) !== 'left')

/** The vaults that get nothing new, with the reason, as placement takes them. */
export const leavingVaults = (context: Context): ReadonlyMap<string, string> =>
  new Map([...context.leaving.keys()].map((id) => [id, LEAVING]))
