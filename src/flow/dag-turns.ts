/** Packs of one root share one pin in a vault that keeps DAGs: the first brings the whole DAG, so the others wait for it and find it there. */
import type { AbortOptions, PackRow, Vault } from '../contracts.ts'
import { IPFS } from '../policy/demands.ts'
import type { Context } from './context.ts'

const running = new WeakMap<Context, Map<string, Promise<unknown>>>()

export const keepsDags = ({ profile }: Pick<Vault, 'profile'>): boolean => profile.network === IPFS

/** What is placed there: the pack, or the DAG that it is a part of. */
export const placeKey = (pack: PackRow, vault: Vault): string =>
  keepsDags(vault) && pack.kind === 'content' ? `root:${pack.root}:${vault.profile.id}` : `${pack.name}:${vault.profile.id}`

/** Does the work when nobody else in this process is at the same place. Waiting ends with the signal's reason. */
export async function inTurn<T>(context: Context, pack: PackRow, vault: Vault, work: () => Promise<T>, options: AbortOptions): Promise<T> {
  if (!keepsDags(vault)) return work()
  const turns = running.get(context) ?? new Map<string, Promise<unknown>>()
  running.set(context, turns)
  const key = placeKey(pack, vault)
  const before = turns.get(key)
  const own = (async () => {
    await before?.catch(() => undefined)
    options.signal?.throwIfAborted()
    return work()
  })()
  turns.set(key, own)
  try {
    return await own
  } finally {
    if (turns.get(key) === own) turns.delete(key)
  }
}
