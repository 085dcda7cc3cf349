/** Looks at a bucket before it is used: is it there, may we, is it the right one, and how does this store behave? */
import { randomUUID } from 'node:crypto'
import type { AbortOptions, VaultProfile } from '../../contracts.ts'
import { PerdureError, VaultError } from '../../errors.ts'
import { type BucketRules, rulesOf } from './bucket-rules.ts'
import { digestsOf } from './digests.ts'
import { codeOf, statusOf } from './errors.ts'
import { look } from './head.ts'
import { FOLDERS, MARKER } from './keys.ts'
import { withoutLock } from './lock.ts'
import { profileOf } from './options.ts'
import { ask, type Place } from './place.ts'
import { type Probe, probe } from './probe.ts'
import { abortUploads, staleBefore } from './uploads.ts'
import { optional } from './versioning.ts'

export interface OpenOptions extends AbortOptions {
  readonly mustExist?: boolean | undefined
  readonly thorough?: boolean | undefined
}

/**
 * Resolves to the profile as found; writes the behaviour into the place. How the store takes bytes only writing tells: a vault that is new, or that is
 * looked at thoroughly, is tried at once, any other before its first put, so that whoever only reads writes nothing.
 */
export async function openPlace(place: Place, options: OpenOptions): Promise<VaultProfile> {
  const { signal, mustExist = false, thorough = !mustExist } = options
  await absenceIsShown(place, { signal })
  const [rules, ours] = await Promise.all([rulesOf(place, { signal }), mustExist ? isOurs(place, { signal }) : true])
  if (!ours) throw emptied(place)
  if (rules.lock === 'none' && place.settings.options.lock) throw withoutLock(place)
  place.behaviour = {
    ...place.behaviour,
    versioned: rules.versioned,
    lockable: rules.lock === undefined ? undefined : rules.lock !== 'none',
    defaultLock: defaultLockOf(rules),
  }
  place.ready = undefined
  const prepare = () => prepared(place, rules, { signal })
  if (thorough) return profileAs(place, rules, await prepare())
  place.prepare = prepare
  return profileAs(place, rules, undefined)
}

/** Tries how the store takes bytes, marks the vault and clears away what was never finished. */
async function prepared(place: Place, rules: BucketRules, options: AbortOptions): Promise<Probe> {
  const found = await probe(place, rules, options)
  const { checksums, conditionalPut, md5Etags } = found
  place.behaviour = { ...place.behaviour, checksums, conditionalPut, md5Etags }
  if (found.writable) {
    await Promise.all([
      mark(place, options),
      optional(() => abortUploads(place, { under: place.prefix, before: staleBefore(place), signal: options.signal })),
    ])
  }
  return found
}

/** How long a new pack is locked. */
function termDaysOf({ settings }: Place, { lockDays }: BucketRules): number | undefined {
  const own = settings.options.lock?.days
  return own === undefined || lockDays === undefined ? (own ?? lockDays) : Math.max(own, lockDays)
}

/** A random key must be absent. A store that answers 403 instead would have every lost pack look like a lapsed credential, and the other way round. */
async function absenceIsShown(place: Place, { signal }: AbortOptions): Promise<void> {
  const key = `${place.prefix}probe/absent-${randomUUID()}`
  try {
    const seen = await look(place, { key }, { signal })
    if (!seen) return
  } catch (error) {
    throw explained(place, error)
  }
  throw new VaultError(
    'unreachable',
    place.id,
    `a key that cannot exist is there; ${place.settings.endpoint ?? 'this'} is no S3 store, check the endpoint`,
  )
}

/**
 * A bucket that is not there, or is in another region, is a state of the remote: it may be made or moved, and the other vaults go on without it.
 * Only what is wrong with the options themselves is `invalid`, and that is said before anything is sent.
 */
function explained(place: Place, error: unknown): unknown {
  const code = codeOf(error)
  if (code === 'AccessDenied' || (code === undefined && statusOf(error) === 403)) {
    const message = `bucket ${place.bucket} answers 403 for a key that is absent; grant s3:ListBucket so that absent objects answer 404 (and s3:GetObject, if that is missing)`
    return new VaultError('denied', place.id, message, { cause: error })
  }
  if (code === 'NoSuchBucket') {
    const message = `there is no bucket ${place.bucket} here; create it, correct its name, endpoint or credentials, or reset the vault if it held packs and is gone for good`
    return new VaultError('unreachable', place.id, message, { cause: error })
  }
  if (!(error instanceof VaultError) || error.code !== 'invalid' || statusOf(error) === undefined) return error
  return new VaultError('unreachable', place.id, error.message.slice(`vault ${place.id}: `.length), { cause: error })
}

/** Has this prefix been opened as a vault before, or does it hold packs? */
async function isOurs(place: Place, { signal }: AbortOptions): Promise<boolean> {
  if (await look(place, { key: `${place.prefix}${MARKER}` }, { signal })) return true
  for (const folder of Object.values(FOLDERS)) {
    const input = { Bucket: place.bucket, Prefix: `${place.prefix}${folder}/`, MaxKeys: 1 }
    const page = await ask(
      place,
      'looking for packs',
      ({ sdk, client }, request) => client.send(new sdk.ListObjectsV2Command(input), request),
      { signal },
    )
    if ((page.Contents?.length ?? 0) > 0) return true
  }
  return false
}

function emptied(place: Place): VaultError {
  const where = place.prefix === '' ? `bucket ${place.bucket}` : `bucket ${place.bucket} under ${place.prefix}`
  const message = `${where} holds no ${MARKER} and no pack: it is another place or was emptied; correct bucket, prefix and endpoint, or reset the vault`
  return new VaultError('unreachable', place.id, message)
}

/** A small object that tells an empty vault from the wrong bucket. Where it cannot be written, packs must tell. */
async function mark(place: Place, { signal }: AbortOptions): Promise<void> {
  const key = `${place.prefix}${MARKER}`
  if (await look(place, { key }, { signal })) return
  const Body = Buffer.from(`${JSON.stringify({ version: 1, id: place.id, created: new Date(place.settings.clock()).toISOString() })}\n`)
  const input = {
    Bucket: place.bucket,
    Key: key,
    Body,
    ContentLength: Body.byteLength,
    ContentType: 'application/json',
    ...digestsOf(Body, place.behaviour.checksums),
  }
  try {
    await ask(place, `storing ${key}`, ({ sdk, client }, request) => client.send(new sdk.PutObjectCommand(input), request), { signal })
  } catch (error) {
    if (!(error instanceof PerdureError) || error.code !== 'denied') throw error
  }
}

function defaultLockOf({ lock, lockDays }: BucketRules): Place['behaviour']['defaultLock'] {
  if (lockDays === undefined || (lock !== 'GOVERNANCE' && lock !== 'COMPLIANCE')) return undefined
  return { mode: lock, days: lockDays }
}

function writingLabels({ writable, checksums, md5Etags, conditionalPut }: Probe): Readonly<Record<string, string | undefined>> {
  return {
    access: writable ? undefined : 'read-only',
    checksums,
    'read-back': checksums === 'none' && !md5Etags ? 'every put' : undefined,
    'conditional-put': conditionalPut ? 'yes' : 'no',
  }
}

function profileAs(place: Place, rules: BucketRules, found: Probe | undefined): VaultProfile {
  const profile = profileOf(place.settings)
  const labels = {
    ...(found && writingLabels(found)),
    versioning: rules.versioned === undefined ? 'unknown' : rules.versioned ? 'kept' : undefined,
    lock: rules.lock === 'none' ? undefined : rules.lock,
    lifecycle: rules.expires ? 'expires' : undefined,
    'lifecycle-rules': rules.expires?.join(' '),
    'unfinished-uploads': rules.abortsUploads ? 'aborted-by-lifecycle' : undefined,
    ...profile.labels,
  }
  const told = Object.entries(labels).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]))
  const locked = rules.lockDays !== undefined || place.settings.options.lock !== undefined
  return {
    ...profile,
    labels: Object.fromEntries(told),
    term: locked ? 'renewable' : profile.term,
    termDays: termDaysOf(place, rules),
    canRetain: place.behaviour.lockable ?? profile.canRetain,
    canForget: profile.canForget && !locked && !rules.versioned,
  }
}
