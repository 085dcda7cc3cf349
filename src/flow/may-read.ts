/** Whether an audit may read bytes of a replica: cold ones are never thawed by it, and never read unless they are. */
import type { AbortOptions, Locator, Vault } from '../contracts.ts'

/** Of a cold vault only what a restore has made readable, and with `cold` what can be read for other reasons. Where nobody can tell, `cold` decides. */
export async function mayRead(
  { vault, at, signal }: AbortOptions & { readonly vault: Vault; readonly at: Locator },
  { cold = false }: { readonly cold?: boolean | undefined },
): Promise<boolean> {
  if (!vault.profile.cold) return true
  try {
    const warmth = await vault.warmth?.(at, { signal })
    if (!warmth) return cold
    return warmth.state === 'readable' && (cold || warmth.until !== undefined)
  } catch {
    // Why it did not answer is found by asking whether it is there.
    signal?.throwIfAborted()
    return false
  }
}
