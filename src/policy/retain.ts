/** What a put may ask to be retained, and what is missing of it. */
import type { RetainRow } from '../contracts/catalog-rows.ts'
import type { Missing } from '../contracts/policy.ts'
import type { Retention, VaultProfile } from '../contracts/vault.ts'
import { PolicyError } from '../errors.ts'

/** A wish as it is recorded. Throws `invalid` for a date that is none or has passed. */
export function retainRow({ until, mode, legalHold }: Retention, now: number): RetainRow {
  const at = until.getTime()
  if (Number.isNaN(at)) throw new PolicyError('invalid', 'retain.until is not a date; give one such as new Date("2030-01-01")')
  if (at <= now) throw new PolicyError('invalid', `retain.until is ${until.toISOString()}, which has passed; give a later date`)
  return { until: at, ...(mode !== undefined && { mode }), ...(legalHold && { legalHold: true }) }
}

/** A recorded wish as vaults take it. */
export function retentionOf({ until, ...rest }: RetainRow): Retention {
  return { until: new Date(until), ...rest }
}

/** What an object's replicas lack of what it asked for: those whose vault has not confirmed the lock. Nothing once the date has passed. */
export function missingRetention(
  retain: RetainRow | undefined,
  replicas: readonly { readonly vault: string; readonly retainedUntil?: number | undefined }[],
  { vaults, now }: { readonly vaults: readonly VaultProfile[]; readonly now: number },
): readonly Missing[] {
  if (!isInForce(retain, now)) return []
  const loose = replicas.filter((replica) => !isRetained(replica, retain))
  if (loose.length === 0) return []
  const unable = new Set(unableOf(vaults))
  const where = [...new Set(loose.map(({ vault }) => vault))]
  const [idle, able] = [where.filter((id) => unable.has(id)), where.filter((id) => !unable.has(id))]
  const wanted = replicas.length
  const found = wanted - loose.length
  const parts = [
    `${found} of ${wanted} replicas are known to be retained until ${day(retain.until)}`,
    ...(idle.length > 0 ? [`${idle.join(', ')} cannot lock: what lies there from before may be deleted`] : []),
    ...(able.length > 0 ? [`repair to lock those in ${able.join(', ')}`] : []),
  ]
  return [{ constraint: 'retention', wanted, found, reason: `${parts.join('; ')}.` }]
}

/** Why a policy that is not met cannot be met as it looks: vaults that get no pack of a retained object. */
export function missingLockers(
  retain: RetainRow | undefined,
  { vaults, now }: { readonly vaults: readonly VaultProfile[]; readonly now: number },
) {
  const unable = unableOf(vaults)
  if (!isInForce(retain, now) || unable.length === 0) return []
  const [wanted, found] = [vaults.length, vaults.length - unable.length]
  const reason = `${unable.join(', ')} cannot lock and so gets no copy of a retained object; add vaults that can, such as S3 buckets with Object Lock.`
  return [{ constraint: 'retention', wanted, found, reason }]
}

/** Does it ask for anything now? */
export function isInForce(retain: RetainRow | undefined, now: number): retain is RetainRow {
  return retain !== undefined && (retain.until > now || retain.legalHold === true)
}

const unableOf = (vaults: readonly VaultProfile[]): readonly string[] =>
  vaults.filter((vault) => cannotRetain(vault) !== undefined).map(({ id }) => id)

/** Has the vault confirmed at least that? */
export function isRetained({ retainedUntil }: { readonly retainedUntil?: number | undefined }, { until }: RetainRow): boolean {
  return retainedUntil !== undefined && retainedUntil >= until
}

/** Why a vault gets no pack that is to be retained; undefined when it does. */
export function cannotRetain({ canRetain }: Pick<VaultProfile, 'canRetain'>): string | undefined {
  return canRetain === true ? undefined : 'it cannot keep a pack from being deleted, and this one is to be retained'
}

const day = (at: number): string => new Date(at).toISOString().slice(0, 10)
