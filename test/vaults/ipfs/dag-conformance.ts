/** The conformance cases, which put packs, for a vault that keeps DAGs. */
import { type VaultCase, vaultCases } from '../../../src/conformance/vault.ts'
import { bytesOf } from '../../../src/conformance/vault-context.ts'
import type { Dag, Pack, Vault } from '../../../src/contracts.ts'

/** By name, with the reason why it cannot be asked of a vault that keeps DAGs. */
const NOT_FOR_DAGS: Readonly<Record<string, string>> = {
  'a removed pack can be put again': 'it puts an index pack, too, which is no DAG',
}

/** Throws RangeError when an exception names no case any more. */
export function dagCasesFor(vault: Vault, wants: readonly VaultCase['wants'][]): readonly VaultCase[] {
  const unknown = Object.keys(NOT_FOR_DAGS).find((name) => !vaultCases.some((one) => one.name === name))
  if (unknown !== undefined) throw new RangeError(`no case is named "${unknown}"; look how it is called now`)
  return vaultCases.filter(
    (one) => !(one.name in NOT_FOR_DAGS) && (!one.needs || vault[one.needs] !== undefined) && (!one.wants || wants.includes(one.wants)),
  )
}

/**
 * The vault as the cases take it: the body of a content pack is the CAR of its DAG, also where a case gave it another one, and what is unpinned is collected
 * at once, as no node does by itself.
 */
export function asPackVault(vault: Vault, collect: () => Promise<void>): Vault {
  return {
    ...vault,
    put: (pack, options) => vault.put(pack.kind === 'content' ? { ...pack, dag: async () => dagOfBody(pack) } : pack, options),
    remove: async (at, options) => {
      await vault.remove?.(at, options)
      await collect()
    },
  }
}

async function dagOfBody(pack: Pack): Promise<Dag> {
  const spans = await pack.spans()
  const spanOf = (cid: { toString(): string }) => spans.find((span) => `${span.cid}` === `${cid}`)
  return {
    root: pack.root,
    blockCount: spans.length,
    byteLength: pack.byteLength,
    car: (options) => pack.open(options),
    has: async (cid) => spanOf(cid) !== undefined,
    block: async (cid) => {
      const span = spanOf(cid)
      return span && (await bytesOf(pack)).slice(span.offset, span.offset + span.length)
    },
  }
}
