/** Starting anew with a vault whose replicas are gone for good: the catalog forgets them, the vault keeps whatever it has. */
import type { AbortOptions } from '../contracts.ts'
import { reassessPack } from './assess.ts'
import type { Context } from './context.ts'

const PAGE = 500

/** Drops every replica of that vault from the catalog and judges the objects that counted on it. The vault need not be configured any more. */
export async function resetVault(
  context: Context,
  vault: string,
  { signal }: AbortOptions = {},
): Promise<{ readonly vault: string; readonly replicas: number }> {
  const { catalog } = context
  for (let replicas = 0; ; ) {
    signal?.throwIfAborted()
    const page = await catalog.replicasIn(vault, { limit: PAGE })
    for (const { pack } of page) {
      await catalog.dropReplica(pack, vault)
      await reassessPack(context, pack)
    }
    replicas += page.length
    if (page.length < PAGE) return { vault, replicas }
  }
}
