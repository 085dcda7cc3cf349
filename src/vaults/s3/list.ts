/** Lists the packs of a bucket, page by page. */
import type { AbortOptions, Listed, PackKind } from '../../contracts.ts'
import { codeOf } from './errors.ts'
import { FOLDERS, locatorOf, parseKey } from './keys.ts'
import { ask, type Place } from './place.ts'
import { isVersioned } from './versioning.ts'

/** Every pack in order of its key; foreign objects are passed over, and of a versioned bucket only what is current. */
export async function* listPacks(
  place: Place,
  options: AbortOptions & { readonly kind?: PackKind | undefined } = {},
): AsyncGenerator<Listed, void, undefined> {
  const { kind, signal } = options
  signal?.throwIfAborted()
  const versioned = await isVersioned(place, { signal })
  for (const each of kind === undefined ? (['index', 'content'] as const) : [kind]) {
    const under = `${place.prefix}${FOLDERS[each]}/`
    for await (const { key, versionId, byteLength } of versioned
      ? currentVersions(place, under, options)
      : objects(place, under, options)) {
      const pack = parseKey(place.prefix, key)
      if (pack && byteLength > 0) yield { ...pack, at: locatorOf(key, versionId), byteLength }
    }
  }
}

interface Entry {
  readonly key: string
  readonly versionId?: string | undefined
  readonly byteLength: number
}

async function* objects(place: Place, under: string, options: AbortOptions): AsyncGenerator<Entry, void, undefined> {
  const input = { Bucket: place.bucket, Prefix: under }
  for (let after: string | undefined; ; ) {
    const page = await ask(
      place,
      `listing ${under}`,
      ({ sdk, client }, request) =>
        client.send(new sdk.ListObjectsV2Command({ ...input, ...(after !== undefined && { ContinuationToken: after }) }), request),
      options,
    )
    for (const { Key: key = '', Size: byteLength = 0 } of page.Contents ?? []) yield { key, byteLength }
    if (!page.IsTruncated || !page.NextContinuationToken) return
    after = page.NextContinuationToken
  }
}

export interface Version extends Entry {
  readonly isLatest: boolean
  /** It says that the object was deleted, and has no bytes. */
  readonly isMarker: boolean
}

/** Every version and delete marker under a prefix, the newest of each key first. */
export async function* versions(place: Place, under: string, options: AbortOptions): AsyncGenerator<Version, void, undefined> {
  for (let marker: { readonly KeyMarker?: string; readonly VersionIdMarker?: string } = {}; ; ) {
    const input = { Bucket: place.bucket, Prefix: under, ...marker }
    const page = await ask(
      place,
      `listing the versions of ${under}`,
      ({ sdk, client }, request) => client.send(new sdk.ListObjectVersionsCommand(input), request),
      options,
    )
    for (const { Key: key = '', VersionId: versionId, Size: byteLength = 0, IsLatest: isLatest = false } of page.Versions ?? [])
      yield { key, versionId, byteLength, isLatest, isMarker: false }
    for (const { Key: key = '', VersionId: versionId, IsLatest: isLatest = false } of page.DeleteMarkers ?? [])
      yield { key, versionId, byteLength: 0, isLatest, isMarker: true }
    if (!page.IsTruncated || !page.NextKeyMarker) return
    marker = { KeyMarker: page.NextKeyMarker, ...(page.NextVersionIdMarker !== undefined && { VersionIdMarker: page.NextVersionIdMarker }) }
  }
}

/** Without the right to list versions, what is current is listed without its version. */
async function* currentVersions(place: Place, under: string, options: AbortOptions): AsyncGenerator<Entry, void, undefined> {
  let listed = 0
  try {
    for await (const version of versions(place, under, options)) {
      listed++
      if (version.isLatest && !version.isMarker) yield version
    }
  } catch (error) {
    if (listed > 0 || codeOf(error) !== 'AccessDenied') throw error
    yield* objects(place, under, options)
  }
}
