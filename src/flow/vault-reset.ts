/** Starting anew with a vault whose replicas are gone for good: the catalog forgets them, the vault keeps whatever it has. */
import type { AbortOptions, ObjectId, ObjectRow } from '../contracts.ts'
import { reassess } from './assess.ts'
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
      await judgeObjectsIn(context, pack)
    }
    replicas += page.length
    if (page.length < PAGE) return { vault, replicas }
  }
}

async function judgeObjectsIn(context: Context, pack: number): Promise<void> {
  for (let after: ObjectId = 0; ; ) {
    const ids = await context.catalog.objectsIn(pack, { after, limit: PAGE })
    const rows: ObjectRow[] = []
    for (const id of ids) {
      const row = await context.catalog.objectById(id)
      if (row) rows.push(row)
    }
    await reassess(context, rows)
    const last = ids.at(-1)
    if (last === undefined || ids.length < PAGE) return
    after = last
  }
}
