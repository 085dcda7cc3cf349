/** What a store must still show of a pack that it has accepted, where it has checked no digest that we trust. */
import { createHash } from 'node:crypto'
import type { AbortOptions, Locator } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { bodyOf } from '../body.ts'
import { look } from './head.ts'
import type { ObjectName } from './keys.ts'
import type { Target } from './object.ts'
import { ask, known, type Place } from './place.ts'
import { readSpan } from './read.ts'

export interface CheckOptions extends AbortOptions {
  /** Of the whole, as it was sent. */
  readonly crc64?: string | undefined
  /** Every part was compared with its ETag. */
  readonly areCompared?: boolean
}

/**
 * Where CRC64NVME is all that the store checks, the one it keeps of the whole must be that of what was sent. Where it checks nothing, the pack is read
 * back, unless its parts were compared with their ETags. Throws `damaged` when the bytes are others: the object is gone then, and the next put makes it anew.
 */
export async function checkStored(place: Place, target: Target, at: Locator, options: CheckOptions): Promise<void> {
  const { checksums } = place.behaviour
  const { signal, crc64, areCompared = false } = options
  if (checksums !== 'crc64nvme' && (checksums !== 'none' || areCompared)) return
  const object = known(place, at)
  try {
    if (checksums === 'crc64nvme' && crc64 !== undefined && (await look(place, object, { signal, checksum: true }))?.crc64 === crc64) return
    if (await isReadBack(place, target, at, { signal })) return
  } catch (error) {
    await takeBack(place, object, { signal })
    throw error
  }
  await takeBack(place, object, { signal })
  const message = `the store accepted ${target.key} and keeps other bytes than it was sent; they were taken back, put again, and use another store if it happens again`
  throw new VaultError('damaged', place.id, message)
}

/** May what stands there count as the pack? A run that died before its check left it unknown where the store checks nothing. */
export async function isSound(place: Place, target: Target, at: Locator, options: AbortOptions): Promise<boolean> {
  const { checksums, md5Etags } = place.behaviour
  return checksums !== 'none' || md5Etags || isReadBack(place, target, at, options)
}

/** Compares the whole object with the pack, streamed. */
async function isReadBack(place: Place, { pack }: Target, at: Locator, options: AbortOptions): Promise<boolean> {
  const whole = { cid: pack.root, offset: 0, length: pack.byteLength }
  const there = await digestOf(readSpan(place, at, whole, options))
  return there.equals(await digestOf(bodyOf(pack, place.id, options)))
}

async function digestOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const hash = createHash('sha256')
  for await (const chunk of chunks) hash.update(chunk)
  return hash.digest()
}

/** As well as it goes. Where a key may not delete, an empty object over it says the same: it was never a pack. */
async function takeBack(place: Place, { key, versionId }: ObjectName, { signal }: AbortOptions): Promise<void> {
  if (signal?.aborted) return
  const name = { Bucket: place.bucket, Key: key }
  const version = versionId === undefined ? {} : { VersionId: versionId }
  const removing = ask(
    place,
    `taking back ${key}`,
    ({ sdk, client }, request) => client.send(new sdk.DeleteObjectCommand({ ...name, ...version }), request),
    { signal },
  )
  if ((await Promise.allSettled([removing]))[0].status === 'fulfilled') return
  const emptying = ask(
    place,
    `emptying ${key}`,
    ({ sdk, client }, request) => client.send(new sdk.PutObjectCommand({ ...name, Body: new Uint8Array(), ContentLength: 0 }), request),
    { signal },
  )
  await Promise.allSettled([emptying])
}
