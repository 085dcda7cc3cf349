/** Object Lock: put on every pack where the vault or a put is told to, extended by `renew`, never shortened. */
import type { AbortOptions, Locator, Retention, VaultRenewOptions } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { codeOf, statusOf } from './errors.ts'
import type { ObjectName } from './keys.ts'
import { ask, known, type Place } from './place.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const SECOND_MS = 1000

type Mode = 'GOVERNANCE' | 'COMPLIANCE'

/** What keeps one object. */
export interface Held {
  readonly mode?: Mode | undefined
  readonly until?: Date | undefined
  readonly legalHold: boolean
}

/** Members of PutObject and CreateMultipartUpload; none without a lock. The later date wins, and the stronger mode: a header would replace the bucket's own lock. */
export function lockMembers(place: Place, retain?: Retention | undefined) {
  const { lock } = place.settings.options
  const now = place.settings.clock()
  const asked = retain && retain.until.getTime() > now ? { mode: modeOf(retain.mode), until: retain.until.getTime() } : undefined
  const own = lock && { mode: lock.mode, until: now + lock.days * DAY_MS }
  const legalHold = lock?.legalHold === true || retain?.legalHold === true
  const hold = legalHold ? { ObjectLockLegalHoldStatus: 'ON' as const } : {}
  if (!asked && !own) return hold
  const { defaultLock } = place.behaviour
  const bucket = defaultLock && { mode: defaultLock.mode, until: now + defaultLock.days * DAY_MS }
  const wishes = [asked, own, bucket].filter((wish) => wish !== undefined)
  return {
    ObjectLockMode: stronger(wishes.map(({ mode }) => mode)),
    ObjectLockRetainUntilDate: wholeSeconds(Math.max(...wishes.map(({ until }) => until))),
    ...hold,
  }
}

/** Is anything said of a lock when a pack is put so? */
export function isLocked({ settings }: Place, retain: Retention | undefined): boolean {
  return settings.options.lock !== undefined || retain !== undefined
}

/** Throws `unsupported` before a byte is sent where the bucket is known to have no Object Lock. */
export function mustLock(place: Place): void {
  if (place.behaviour.lockable === false) throw withoutLock(place)
}

/** Retains the pack until that date at least; a date before the one that holds changes nothing. */
export async function renew(place: Place, at: Locator, until: Date, options: VaultRenewOptions = {}): Promise<Locator> {
  const { mode, legalHold, signal } = options
  await retain(place, known(place, at), { until, mode, legalHold }, { signal })
  return at
}

/** What keeps the pack, in the words of the contract; undefined when nothing does. */
export async function retention(place: Place, at: Locator, options: AbortOptions = {}): Promise<Retention | undefined> {
  const { mode, until, legalHold } = await retentionOf(place, known(place, at), options)
  if (!legalHold && (until === undefined || until.getTime() <= place.settings.clock())) return undefined
  return {
    until: until ?? new Date(0),
    ...(mode && { mode: mode === 'COMPLIANCE' ? 'compliance' : 'governance' }),
    ...(legalHold && { legalHold }),
  }
}

/**
 * Extends the lock of an object as far as it falls short of the wish, and believes what the store shows afterwards, not that it accepted: some take the
 * request and keep nothing. Throws `unsupported` then, and where the bucket has no locks.
 */
export async function retain(place: Place, object: ObjectName, wish: Retention, options: AbortOptions): Promise<void> {
  const before = await retentionOf(place, object, options)
  if (await extend(place, object, { wish, before }, options)) return
  const after = await retentionOf(place, object, options)
  if (holds(place, after, wish)) return
  const message = `the store accepted a lock of ${object.key} and does not show it; use a bucket with Object Lock that keeps what it is told`
  throw new VaultError('unsupported', place.id, message)
}

/** Resolves to true when there was nothing to do. */
async function extend(
  place: Place,
  object: ObjectName,
  { wish, before }: { readonly wish: Retention; readonly before: Held },
  options: AbortOptions,
): Promise<boolean> {
  const dated = holdsUntil(place, before, wish)
  const held = before.legalHold || wish.legalHold !== true
  if (!dated) await putRetention(place, object, { wish, before }, options)
  if (!held) await putHold(place, object, options)
  return dated && held
}

function holds(place: Place, held: Held, wish: Retention): boolean {
  return holdsUntil(place, held, wish) && (held.legalHold || wish.legalHold !== true)
}

/** A date that has passed asks for nothing. */
function holdsUntil({ settings }: Place, { mode, until }: Held, wish: Retention): boolean {
  if (wish.until.getTime() <= settings.clock()) return true
  if (until === undefined || until.getTime() < wish.until.getTime()) return false
  return wish.mode !== 'compliance' || mode === 'COMPLIANCE'
}

async function putRetention(
  place: Place,
  object: ObjectName,
  { wish, before }: { readonly wish: Retention; readonly before: Held },
  options: AbortOptions,
): Promise<void> {
  const { clock, options: given } = place.settings
  const until = before.until?.getTime() ?? 0
  // A lock that has lapsed binds nobody.
  const standing = until > clock() ? before.mode : undefined
  const own = wish.mode === undefined ? (standing ?? given.lock?.mode ?? 'GOVERNANCE') : modeOf(wish.mode)
  const Retention = {
    Mode: stronger([own, ...(standing ? [standing] : [])]),
    RetainUntilDate: wholeSeconds(Math.max(wish.until.getTime(), until)),
  }
  try {
    await changed(place, () =>
      ask(
        place,
        `extending the lock of ${object.key}`,
        ({ sdk, client }, request) => client.send(new sdk.PutObjectRetentionCommand({ ...inputOf(place, object), Retention }), request),
        options,
      ),
    )
  } catch (error) {
    if (standing === undefined || standing === Retention.Mode || !isRefusal(error)) throw error
    const message = `${object.key} is locked as ${standing}, and this key may not make it ${Retention.Mode}; ask for ${standing.toLowerCase()}, or wait until that lock has ended`
    throw new VaultError('denied', place.id, message, { cause: error })
  }
}

/** MinIO refuses a change of mode with InvalidRequest, which elsewhere says that there are no locks. */
function isRefusal(error: unknown): boolean {
  return error instanceof VaultError && (error.code === 'denied' || codeOf(error) === 'InvalidRequest')
}

async function putHold(place: Place, object: ObjectName, options: AbortOptions): Promise<void> {
  const input = { ...inputOf(place, object), LegalHold: { Status: 'ON' as const } }
  await changed(place, () =>
    ask(
      place,
      `putting a legal hold on ${object.key}`,
      ({ sdk, client }, request) => client.send(new sdk.PutObjectLegalHoldCommand(input), request),
      options,
    ),
  )
}

async function changed(place: Place, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    throw lockless(place, error)
  }
}

/** What the store says keeps the object; `legalHold` is false where it does not tell. */
export async function retentionOf(place: Place, object: ObjectName, options: AbortOptions): Promise<Held> {
  const [found, hold] = await Promise.all([
    none(place, () =>
      ask(
        place,
        `asking for the lock of ${object.key}`,
        ({ sdk, client }, request) => client.send(new sdk.GetObjectRetentionCommand(inputOf(place, object)), request),
        options,
      ),
    ),
    none(place, () =>
      ask(
        place,
        `asking for the legal hold of ${object.key}`,
        ({ sdk, client }, request) => client.send(new sdk.GetObjectLegalHoldCommand(inputOf(place, object)), request),
        options,
      ),
    ),
  ])
  const { Mode: mode, RetainUntilDate: until } = found?.Retention ?? {}
  return { mode, until, legalHold: hold?.LegalHold?.Status === 'ON' }
}

/** An object without a lock, or in a bucket without locks, answers with an error. */
async function none<T>(place: Place, asked: () => Promise<T>): Promise<T | undefined> {
  try {
    return await asked()
  } catch (error) {
    if (codeOf(error) === 'NoSuchObjectLockConfiguration' || isLockless(error)) return undefined
    throw lockless(place, error)
  }
}

function isLockless(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'InvalidRequest' || code === 'ObjectLockConfigurationNotFoundError' || code === 'NotImplemented'
}

/** Says it when what a lock asked for failed because the bucket has none. */
export function lockless(place: Place, error: unknown): unknown {
  return isLockless(error) && statusOf(error) !== undefined ? withoutLock(place, error) : error
}

/** A lock was asked for in a bucket that has none. */
export function withoutLock(place: Place, cause?: unknown): VaultError {
  const message = `bucket ${place.bucket} has no Object Lock; make a bucket with Object Lock enabled, or put without \`lock\` and \`retain\``
  return new VaultError('unsupported', place.id, message, { cause })
}

const modeOf = (mode: Retention['mode']): Mode => (mode === 'compliance' ? 'COMPLIANCE' : 'GOVERNANCE')

const stronger = (modes: readonly Mode[]): Mode => (modes.includes('COMPLIANCE') ? 'COMPLIANCE' : 'GOVERNANCE')

/** Stores keep seconds: rounded up, so that what they show is never before what was asked. */
const wholeSeconds = (ms: number): Date => new Date(Math.ceil(ms / SECOND_MS) * SECOND_MS)

function inputOf(place: Place, { key, versionId }: ObjectName) {
  return { Bucket: place.bucket, Key: key, ...(versionId !== undefined && { VersionId: versionId }) }
}
