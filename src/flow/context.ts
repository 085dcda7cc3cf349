/** What every verb needs: the archive's parts, bound once when it is opened. */
import type { BufferPool } from '../bytes/pool.ts'
import type {
  AuditSettings,
  Catalog,
  Clock,
  HookConfig,
  Limits,
  LoadXattrs,
  PackId,
  Policy,
  Profile,
  Random,
  Vault,
  VaultProfile,
} from '../contracts.ts'
import { ArchiveError, type VaultError } from '../errors.ts'
import type { Identity, Recipient } from '../format/recipients.ts'
import type { SigningKey } from '../format/sign.ts'
import type { Events } from './events.ts'
import type { Latencies } from './latency.ts'
import type { Ledger } from './ledger.ts'
import type { Spool } from './spool.ts'

export interface Context {
  readonly path: string
  readonly catalog: Catalog
  readonly spool: Spool
  /** Opened vaults by id, in the order of the configuration. */
  readonly vaults: ReadonlyMap<string, Vault>
  /** Why a vault could not be opened, by id. Its own answers may be better by now. */
  readonly unopened: Map<string, VaultError>
  readonly policy: Policy
  readonly audit: AuditSettings
  readonly profile: Profile
  readonly maxPackBytes: number
  readonly spoolBytes: number
  readonly timeoutMs: number
  readonly key: SigningKey
  /** Whom new content is sealed for; nobody: it is public. */
  readonly recipients: readonly Recipient[]
  /** What opens sealed content. Only reading needs them. */
  readonly identities: readonly Identity[]
  readonly loadXattrs: LoadXattrs
  readonly clock: Clock
  readonly random: Random
  readonly latencies: Latencies
  readonly events: Events
  /** Who is told of events outside this process. */
  readonly hooks: readonly HookConfig[]
  /** Memory that challenges read into. */
  readonly scratch: BufferPool
  readonly ledger: Ledger
  readonly limits: Limits | undefined
  /** Vaults that get nothing new; what lies in one that was `left` does not count any more. Look again with `lookAtLeaving`. */
  readonly leaving: Map<string, 'leaving' | 'left'>
  /** How replicas are chosen to read from, beyond what is usual: the spool first. */
  readonly reading?: Reading | undefined
  /** Work that goes on after a verb resolved; `close` waits for it. */
  readonly background: Set<Promise<unknown>>
  /** While a watch runs: vaults that are left alone until that moment. */
  readonly pauses?: ReadonlyMap<string, number> | undefined
  /** Packs on their way back into the spool, so that two vaults that need one wait for the same. */
  readonly rebuilding: Map<PackId, Promise<void>>
}

/** How replicas are chosen to read from. */
export interface Reading {
  /** The spool is left alone: what is read shows that vaults have it. */
  readonly vaultsOnly?: boolean | undefined
  /** Asked last, unless it is cheaper. */
  readonly last?: string | undefined
}

export const profilesOf = (context: Context): readonly VaultProfile[] => [...context.vaults.values()].map(({ profile }) => profile)

/** Runs the work over the items, at most `width` at once, and keeps their order. The first rejection wins, after all that began have ended. */
export async function eachOf<T, R>(items: Iterable<T>, width: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const entries = [...items].entries()
  const failures: unknown[] = []
  const lane = async () => {
    for (const [index, item] of entries) {
      if (failures.length > 0) return
      try {
        results[index] = await work(item)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, width) }, lane))
  if (failures.length > 0) throw failures[0]
  return results
}

/** Tells a listener; a listener that throws does not fail the work. */
export function tell<Event>(listener: ((event: Event) => void) | undefined, event: Event): void {
  try {
    listener?.(event)
  } catch {
    // The listener's own affair.
    return
  }
}

/** Loads packs by id; throws `conflict` when one was pruned meanwhile. */
export async function packRow(context: Context, id: PackId) {
  const row = await context.catalog.pack(id)
  if (!row) throw new ArchiveError('conflict', `pack number ${id} was pruned meanwhile; run the command again`)
  return row
}
