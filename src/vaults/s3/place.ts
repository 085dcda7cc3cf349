/** What the steps of one S3 vault share, and the one way in which they ask the store. */
import type { AbortOptions, Locator } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import type { Connection } from './client.ts'
import { s3Error } from './errors.ts'
import { type ObjectName, type PackName, parseLocator } from './keys.ts'
import type { Settings } from './options.ts'

/** How the store behaves; a preset's word until `open` has tried. */
export interface Behaviour {
  readonly checksums: 'sha256' | 'md5' | 'none'
  readonly conditionalPut: boolean
  /** Undefined: not known (yet, or not permitted). */
  readonly versioned: boolean | undefined
}

export interface Place {
  readonly settings: Settings
  readonly id: string
  readonly bucket: string
  readonly prefix: string
  readonly connect: () => Promise<Connection>
  /** The one thing that changes: `open` and the first listing write what they found. */
  behaviour: Behaviour
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
  try {
    const sent = place.connect().then((connection) => work(connection, signal ? { abortSignal: signal } : {}))
    return await untilAborted(sent, signal)
  } catch (error) {
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
