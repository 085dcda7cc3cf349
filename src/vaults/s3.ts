/** A vault in an S3 bucket, of AWS or of anyone who speaks its protocol. The layout is in s3/keys.ts and FORMAT.md. */
import { createPool } from '../bytes/pool.ts'
import type { Vault } from '../contracts.ts'
import { admit } from './body.ts'
import { connector } from './s3/client.ts'
import { look } from './s3/head.ts'
import { keyOf, locatorOf } from './s3/keys.ts'
import { listPacks } from './s3/list.ts'
import { renew, retention } from './s3/lock.ts'
import { openPlace } from './s3/open.ts'
import { profileOf, type S3Options, settingsOf } from './s3/options.ts'
import { known, type Place } from './s3/place.ts'
import { putPack } from './s3/put.ts'
import { readSpan } from './s3/read.ts'
import { removePack } from './s3/remove.ts'
import { slotsOf } from './s3/slots.ts'
import { thaw, warmth } from './s3/thaw.ts'

export type { S3Credentials, S3Lock, S3Options } from './s3/options.ts'

/**
 * Keeps packs as objects. Nothing is sent before the first call; the AWS SDK, an optional peer, is loaded then.
 * `open` finds out how the store behaves and what the bucket does with objects, and tells it in the labels of the profile.
 */
export function s3(options: S3Options): Vault {
  const settings = settingsOf(options)
  const { connect, letGo, close } = connector(settings)
  const { checksums, conditionalPut = true } = settings.preset
  const place: Place = {
    settings,
    id: settings.id,
    bucket: options.bucket,
    prefix: settings.prefix,
    connect,
    letGo,
    buffers: createPool({ byteLength: settings.partBytes, count: settings.partsInFlight + 1 }),
    slots: slotsOf(settings.partsInFlight + 1),
    behaviour: { checksums, conditionalPut, md5Etags: false, versioned: undefined },
    turns: new Map(),
  }
  const profile = profileOf(settings)

  return {
    profile,
    open: (openOptions = {}) => openPlace(place, openOptions),
    put: async (pack, putOptions = {}) => {
      admit(profile, pack)
      return putPack(place, pack, putOptions)
    },
    locate: async (name, { signal, kind } = {}) => {
      for (const each of kind === undefined ? (['content', 'index'] as const) : [kind]) {
        const key = keyOf(place.prefix, name, each)
        const seen = await look(place, { key }, { signal })
        // Objects are whole or not there, so an empty one was never a pack.
        if (seen && seen.byteLength > 0) return locatorOf(key, seen.versionId)
      }
      return undefined
    },
    status: async (at, { signal } = {}) => {
      const seen = await look(place, known(place, at), { signal })
      return seen && seen.byteLength > 0 ? 'held' : 'absent'
    },
    read: (at, span, readOptions) => readSpan(place, at, span, readOptions),
    list: (listOptions) => listPacks(place, listOptions),
    remove: (at, removeOptions) => removePack(place, at, removeOptions),
    renew: (at, until, renewOptions) => renew(place, at, until, renewOptions),
    retention: (at, retentionOptions) => retention(place, at, retentionOptions),
    warmth: (at, warmthOptions) => warmth(place, at, warmthOptions),
    thaw: (at, thawOptions) => thaw(place, at, thawOptions),
    close,
  }
}
