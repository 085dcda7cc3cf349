/** One header pack leaves every vault: deleted where it may be, then asked for everywhere. What a vault says is not taken for more than its word. */
import { collect } from '../bytes/collect.ts'
import type { Locator, PackRow, ShredOptions, ShredStanding, ShredVault, Vault } from '../contracts.ts'
import { PerdureError } from '../errors.ts'
import { matches } from '../format/address.ts'
import { type Context, tell } from './context.ts'
import { leaseOf } from './replicate.ts'
import { spansOf } from './spans.ts'

/** What was found out; the rest of the report says where and when. */
type Finding = { readonly standing: ShredStanding; readonly detail?: string }

/** Deletes the pack in every vault of the configuration and asks there, side by side. Failures are findings; rejects only for the catalog or the caller's signal. */
export async function eraseHeader(context: Context, pack: PackRow, options: ShredOptions): Promise<readonly ShredVault[]> {
  const { catalog, vaults } = context
  const locators = new Map((await catalog.replicasOf([pack.id])).map(({ vault, locator }) => [vault, locator]))
  const ids = [...new Set([...vaults.keys(), ...locators.keys()])]
  return Promise.all(
    ids.map(async (id) => {
      const vault = vaults.get(id)
      const found = vault ? await eraseAt(context, pack, vault, { ...options, locator: locators.get(id) }) : UNCONFIGURED
      if (found.standing === 'absent') await catalog.dropReplica(pack.id, id)
      const report: ShredVault = {
        vault: id,
        network: vault?.profile.network ?? 'unknown',
        operator: vault?.profile.operator ?? 'unknown',
        pack: pack.name.toString(),
        at: new Date(context.clock()).toISOString(),
        ...found,
      }
      tell(options.onProgress, { type: 'header-asked', report })
      return report
    }),
  )
}

const UNCONFIGURED: Finding = {
  standing: 'unconfigured',
  detail: 'the vault is not configured any more; add it again and shred again, or delete the pack there by hand',
}

interface Erasing extends ShredOptions {
  /** As the catalog knows it. */
  readonly locator: Locator | undefined
}

async function eraseAt(context: Context, pack: PackRow, vault: Vault, options: Erasing): Promise<Finding> {
  const { signal, locator } = options
  // Whoever is bringing it there now is waited for, and its copy deleted.
  const lease = await leaseOf(context, `place:${pack.name}:${vault.profile.id}`, options)
  if (!lease) return { standing: 'busy', detail: 'another process is bringing the pack there; shred again when it is done' }
  try {
    const refusal = await removeFrom(context, pack, vault, options)
    const finding = await ask(context, pack, vault, { signal, locator })
    return finding.standing === 'absent' || refusal === undefined ? finding : { ...finding, detail: refusal }
  } catch (error) {
    signal?.throwIfAborted()
    return failure(error)
  } finally {
    await lease.release()
  }
}

/** Resolves to why it was not removed. */
async function removeFrom(context: Context, pack: PackRow, vault: Vault, { signal, locator }: Erasing): Promise<string | undefined> {
  const patience = () => patient(context, signal)
  try {
    const found = await vault.locate(pack.name, { signal: patience(), kind: pack.kind })
    for (const at of new Set([locator, found].filter((known) => known !== undefined))) {
      if (!vault.remove) return 'this vault has no way to delete'
      await vault.remove(at, { signal: patience() })
    }
    await vault.abandon?.(pack.name, { signal: patience(), kind: pack.kind })
    return undefined
  } catch (error) {
    signal?.throwIfAborted()
    return error instanceof Error ? error.message : String(error)
  }
}

async function ask(context: Context, pack: PackRow, vault: Vault, options: Pick<Erasing, 'signal' | 'locator'>): Promise<Finding> {
  const { signal, locator } = options
  const found = await vault.locate(pack.name, { signal: patient(context, signal), kind: pack.kind })
  if (found !== undefined) {
    await context.catalog.placed(pack.id, vault.profile.id, found, context.clock())
    return { standing: 'held', detail: 'the vault says that it has it' }
  }
  if (locator === undefined) return { standing: 'absent' }
  const standing = await vault.status(locator, { signal: patient(context, signal) })
  if (standing !== 'absent') return { standing: 'held', detail: `the vault says that it is ${standing}` }
  if (await givesBytes(context, pack, vault, options))
    return { standing: 'held', detail: 'the vault says that it is gone, and gave its bytes' }
  return { standing: 'absent' }
}

/** Its word is not all there is: a header that can still be read is there. */
async function givesBytes(
  context: Context,
  pack: PackRow,
  vault: Vault,
  { signal, locator = '' }: Pick<Erasing, 'signal' | 'locator'>,
): Promise<boolean> {
  const [span] = await spansOf(context, pack)
  if (!span || vault.profile.cold) return false
  try {
    return matches(span.cid, await collect(vault.read(locator, span, { signal: patient(context, signal) }), span.length))
  } catch {
    // Absent, as it said; or silent, which gives no bytes either.
    signal?.throwIfAborted()
    return false
  }
}

function patient({ timeoutMs }: Context, signal: AbortSignal | undefined): AbortSignal {
  const patience = AbortSignal.timeout(timeoutMs)
  return signal ? AbortSignal.any([signal, patience]) : patience
}

function failure(error: unknown): Finding {
  const detail = error instanceof Error ? error.message : String(error)
  return { standing: error instanceof PerdureError && error.code === 'denied' ? 'denied' : 'unreachable', detail }
}
