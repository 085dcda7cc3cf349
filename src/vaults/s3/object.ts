/** What is said of the object that a pack becomes, and what is made of a create that somebody else won. */
import { pause } from '../../bytes/pause.ts'
import type { AbortOptions, Locator, Pack, Retention, VaultPutOptions } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { codeOf, statusOf } from './errors.ts'
import { look } from './head.ts'
import { locatorOf } from './keys.ts'
import { type Version, versions } from './list.ts'
import { lockMembers } from './lock.ts'
import { freezes } from './options.ts'
import { ask, type Place } from './place.ts'

/** Waits between looks at racing copies, in milliseconds: a store that is busy shows them late. */
const SETTLING = [200, 400, 800, 1_600] as const

/** What the steps of one put share. */
export interface Target {
  readonly key: string
  readonly pack: Pack
  /** Nothing stood there: somebody else's pack of that name must not be written over. */
  readonly creating: boolean
  readonly retain?: Retention | undefined
}

/** What is said of a pack when it is made, in one request or in parts. */
export function objectMembers(place: Place, { key, pack, retain }: Target) {
  const storageClass = classOf(place, pack)
  return {
    Bucket: place.bucket,
    Key: key,
    ContentType: 'application/vnd.ipld.car',
    Metadata: { 'perdure-kind': pack.kind },
    ...(storageClass !== undefined && { StorageClass: storageClass as 'STANDARD' }),
    ...lockMembers(place, retain),
  }
}

/** Index packs stay out of classes that freeze: they are what a lost catalog is rebuilt from, and superseded within days. */
function classOf({ settings }: Place, { kind }: Pack): string | undefined {
  const { storageClass } = settings.options
  return kind === 'index' && freezes(storageClass) ? undefined : storageClass
}

/** Of racing creates one wins, where the store knows how. */
export function conditionOf(place: Place, { creating }: Target): { readonly IfNoneMatch?: string } {
  return creating && place.behaviour.conditionalPut ? { IfNoneMatch: '*' } : {}
}

/** Did somebody else create the object in the meantime? */
export function isLostRace(error: unknown): boolean {
  return statusOf(error) === 412 || codeOf(error) === 'ConditionalRequestConflict'
}

/** The locator of what stands there, when it is as long as the pack; else throws the cause, or what is wrong. */
export async function confirmed(place: Place, { key, pack }: Target, { signal }: VaultPutOptions, cause?: unknown): Promise<Locator> {
  const there = await look(place, { key }, { signal })
  if (there?.byteLength === pack.byteLength) return locatorOf(key, there.versionId)
  if (there && cause !== undefined) {
    const sizes = `it has ${there.byteLength} bytes instead of ${pack.byteLength}`
    throw new VaultError('conflict', place.id, `somebody else has just created ${key}, but ${sizes}; put again to replace it`, { cause })
  }
  if (cause !== undefined) throw cause
  const found = there ? `${there.byteLength} bytes` : 'nothing'
  const message = `the store accepted ${key} and then showed ${found} instead of ${pack.byteLength} bytes; check the endpoint and proxies, then try again`
  throw new VaultError('unreachable', place.id, message)
}

/**
 * Where a store keeps versions and lets every create win, the oldest copy is the replica, and ours goes when it is not that one. Writers that did not see
 * each other may keep a copy each: too many, never too few. Behind a delete marker nothing is trusted: then ours stays.
 */
export async function settled(place: Place, target: Target, versionId: string | undefined, options: AbortOptions): Promise<Locator> {
  const { key, pack, creating } = target
  const ours = locatorOf(key, versionId)
  if (!creating || place.behaviour.conditionalPut || versionId === undefined || place.behaviour.versioned !== true) return ours
  const found = await versionsOf(place, key, options)
  const first = oldest(found, pack)
  if (found.some(({ isMarker }) => isMarker) || first === undefined || first === versionId) return ours
  const input = { Bucket: place.bucket, Key: key, VersionId: versionId }
  const removing = ask(
    place,
    `removing a second ${key}`,
    ({ sdk, client }, request) => client.send(new sdk.DeleteObjectCommand(input), request),
    options,
  )
  // A lock may keep it: one copy too many harms nobody.
  await Promise.allSettled([removing])
  return locatorOf(key, await remaining(place, target, first, options))
}

/** Whoever made the first one gives it up in turn when an older one has shown up since: it is named when it still stands a moment later. */
async function remaining(place: Place, { key, pack }: Target, first: string, options: AbortOptions): Promise<string> {
  let named: string | undefined = first
  for (const ms of SETTLING) {
    await pause(ms, options)
    const now = oldest(await versionsOf(place, key, options), pack)
    if (now !== undefined && now === named) return now
    named = now
  }
  if (named !== undefined) return named
  throw new VaultError('conflict', place.id, `somebody else stored ${key} at the same time and then removed it; put again`)
}

const oldest = (found: readonly Version[], { byteLength }: Pack): string | undefined =>
  found.filter((version) => version.byteLength === byteLength && !version.isMarker).at(-1)?.versionId

/** The newest first; none where they may not be listed, or not by a prefix that is no folder. */
async function versionsOf(place: Place, key: string, options: AbortOptions): Promise<readonly Version[]> {
  const found: Version[] = []
  try {
    for await (const version of versions(place, key, options)) if (version.key === key) found.push(version)
  } catch (error) {
    if (codeOf(error) !== 'AccessDenied' && codeOf(error) !== 'NotImplemented') throw error
    return []
  }
  return found
}
