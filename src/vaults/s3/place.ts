/** What the steps of one S3 vault share, and the one way in which they ask the store. */
import type { BufferPool } from '../../bytes/pool.ts'
import type { AbortOptions, Locator } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import type { Connection } from './client.ts'
import { isSessionOver, s3Error } from './errors.ts'
import { type ObjectName, type PackName, parseLocator } from './keys.ts'
import type { Settings } from './options.ts'
import type { Slots } from './slots.ts'

/**
 * How a store makes sure of the bytes it is sent: it checks and keeps their SHA-256, checks the SHA-256 that the signature covers and forgets it,
 * checks Content-MD5, checks and keeps CRC64NVME (last, because nothing computes it fast here), or does none of it.
 */
export type Checksums = 'sha256' | 'signed' | 'md5' | 'crc64nvme' | 'none'

/** How the store behaves; a preset's word until `open` has tried. */
export interface Behaviour {
  readonly checksums: Checksums
  readonly conditionalPut: boolean
  /** The ETag of bytes that came in one request is their MD5: no encryption with a key of the customer's, no scheme of the store's own. */
  readonly md5Etags: boolean
  /** Undefined: not known (yet, or not permitted). */
  readonly versioned: boolean | undefined
  /** Object Lock; undefined: not known (yet, or not permitted). */
  readonly lockable?: boolean | undefined
  /** What the bucket itself puts on every object that brings no lock of its own. */
  readonly defaultLock?: { readonly mode: 'GOVERNANCE' | 'COMPLIANCE'; readonly days: number } | undefined
}

export interface Place {
  readonly settings: Settings
  readonly id: string
  readonly bucket: string
  readonly prefix: string
  readonly connect: () => Promise<Connection>
  readonly letGo: (connection: Connection) => void
  /** Buffers of one part each, used again by later parts and packs. */
  readonly buffers: BufferPool
  /** As many as parts may be in flight, and one that is filled meanwhile. */
  readonly slots: Slots
  /** What changes: `open`, the first listing and the first put write what they found. */
  behaviour: Behaviour
  /** The last put under way by key, where creates must not race. */
  readonly turns: Map<string, Promise<void>>
  /** Left by `open` for the first put. */
  prepare?: (() => Promise<unknown>) | undefined
  /** The first put, and all that came while it prepared. */
  ready?: Promise<unknown> | undefined
}

/** Before anything is put. What fails is tried again by the next one. */
export async function prepared(place: Place): Promise<void> {
  if (!place.prepare) return
  place.ready ??= place.prepare().then(
    () => {
      place.prepare = undefined
    },
    (error: unknown) => {
      place.ready = undefined
      throw error
    },
  )
  await place.ready
}

export interface RequestOptions {
  readonly abortSignal?: AbortSignal
}

/** Sends one request; rejects with a VaultError, or on abort with the signal's reason, at once. */
export async function ask<T>(
  place: Place,
  doing: string,
  work: (connection: Connection, request: RequestOptions) => Promise<T>,
  { signal }: AbortOptions = {},
): Promise<T> {
  signal?.throwIfAborted()
  let used: Connection | undefined
  try {
    const sent = place.connect().then((connection) => {
      used = connection
      return work(connection, signal ? { abortSignal: signal } : {})
    })
    return await untilAborted(sent, signal)
  } catch (error) {
    if (used && isSessionOver(error)) place.letGo(used)
    throw signal?.aborted ? signal.reason : s3Error(place.id, `${doing} in bucket ${place.bucket}`, error)
  }
}

/** Reads a locator, or throws `invalid` for one that this vault never issued. */
export function known(place: Place, at: Locator): ObjectName & PackName {
  const found = parseLocator(place.prefix, at)
  if (found) return found
  throw new VaultError('invalid', place.id, `${JSON.stringify(at)} is not a locator of this vault; it belongs to another vault or prefix`)
}

/** Also while credentials are fetched, which takes no signal. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
