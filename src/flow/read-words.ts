/** Evidence in words where blocks may come from elsewhere than the vault's own store: who was asked, for which blocks, and what that leaves open. */
import type { Locator, Span, Vault, Verdict } from '../contracts.ts'

/** So many are named; the others follow from the seed. */
const NAMED = 2

/** The detail of a challenge. It is left as it is for vaults that do not say where they read from. */
export function inWords(
  { vault, at }: { readonly vault: Pick<Vault, 'readsFrom'>; readonly at: Locator },
  probes: readonly { readonly span: Pick<Span, 'cid'> }[],
  { verdict, detail }: { readonly verdict: Verdict; readonly detail: string | undefined },
): string | undefined {
  const source = vault.readsFrom?.(at)
  if (!source || probes.length === 0) return detail
  const named = probes.slice(0, NAMED).map(({ span }) => `${span.cid}`)
  const more = probes.length - named.length
  const blocks = [...named, ...(more > 0 ? [`${more} more`] : [])].join(', ')
  const asked = `${probes.length} ${probes.length === 1 ? 'block' : 'blocks'} from ${source.from} (${blocks})`
  if (verdict === 'intact') return `${asked}; ${source.doubt}`
  return detail === undefined ? `asked for ${asked}` : `${detail}; asked for ${asked}`
}
