/** The checks of a cycle under one Merkle root: leaves are lines of canonical JSON in the order in which they were made, and none is kept. */
import type { AuditEntry, Verdict } from '../contracts.ts'
import { canonicalJson } from '../format/log-entry.ts'
import { grow, leafHash, rootOf } from '../format/merkle.ts'
import type { CheckAccount } from './watch-parts.ts'

export function checkAccount(): CheckAccount {
  let size = 0
  let edge: readonly Uint8Array[] = []
  const vaults: Record<string, Partial<Record<Verdict, number>>> = {}
  return {
    add({ root, replica }) {
      const { vault, pack, verdict, possession, retrieval, at = '', asked = 0, answered = 0, bytesRead = 0 } = replica
      const line = canonicalJson({ root, vault, pack, verdict, possession, retrieval, at, asked, answered, bytesRead })
      const grown = grow(size, edge, [leafHash(Buffer.from(line))])
      size = grown.size
      edge = grown.edge
      const own = vaults[vault] ?? {}
      vaults[vault] = { ...own, [verdict]: (own[verdict] ?? 0) + 1 }
    },
    entry: (): Pick<AuditEntry, 'checks' | 'checksRoot' | 'vaults'> => ({
      checks: size,
      checksRoot: Buffer.from(rootOf(edge)).toString('base64'),
      vaults: { ...vaults },
    }),
  }
}
