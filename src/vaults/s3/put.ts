/** Stores a pack: in one request when it is small, else in parts. */
import { recycle } from '../../bytes/pool.ts'
import type { Locator, Pack, VaultPutOptions } from '../../contracts.ts'
import { bodyOf, tell } from '../body.ts'
import { inTurn } from '../turns.ts'
import { checkStored, isSound } from './check-stored.ts'
import { sentCrc64Of } from './client.ts'
import { digestsOf, needsMd5 } from './digests.ts'
import { look } from './head.ts'
import { keyOf, locatorOf } from './keys.ts'
import { isLocked, lockless, mustLock, retain } from './lock.ts'
import { conditionOf, confirmed, isLostRace, objectMembers, settled, type Target } from './object.ts'
import { ask, known, type Place, prepared, untilAborted } from './place.ts'
import { putParts } from './put-parts.ts'

/** Sends nothing when a pack of that length is there, unless it is to be replaced. Something of another length was overwritten behind our back. */
export async function putPack(place: Place, pack: Pack, options: VaultPutOptions): Promise<Locator> {
  if (options.retain) mustLock(place)
  const at = await stored(place, pack, options)
  // Also what was just stored with it: the store shows the lock, or it is not believed.
  if (options.retain) await retain(place, known(place, at), options.retain, { signal: options.signal })
  return at
}

async function stored(place: Place, pack: Pack, options: VaultPutOptions): Promise<Locator> {
  const { signal } = options
  await untilAborted(prepared(place), signal)
  const key = keyOf(place.prefix, pack.name, pack.kind)
  return place.behaviour.conditionalPut
    ? storedAt(place, key, pack, options)
    : // Where a store lets every create win, the later ones have to find what the first one left.
      untilAborted(
        inTurn(place.turns, key, () => storedAt(place, key, pack, options), options),
        signal,
      )
}

async function storedAt(place: Place, key: string, pack: Pack, options: VaultPutOptions): Promise<Locator> {
  const { signal, replace = false } = options
  const there = await look(place, { key }, { signal })
  const target: Target = { key, pack, creating: there === undefined && !replace, retain: options.retain }
  if (there?.byteLength === pack.byteLength && !replace) {
    const at = locatorOf(key, there.versionId)
    if (await isSound(place, target, at, { signal })) return at
  }
  const { checksums, md5Etags } = place.behaviour
  // Parts can be compared before they become an object, bytes sent in one request only afterwards.
  const isComparedInParts = checksums === 'none' && md5Etags
  return pack.byteLength <= place.settings.partBytes && !isComparedInParts
    ? putWhole(place, target, options)
    : putParts(place, target, options)
}

async function putWhole(place: Place, target: Target, options: VaultPutOptions): Promise<Locator> {
  await place.slots.take(options.signal)
  try {
    return await sendWhole(place, target, await gathered(place, target.pack, options), options)
  } finally {
    place.slots.giveBack()
  }
}

async function sendWhole(place: Place, target: Target, bytes: Buffer, options: VaultPutOptions): Promise<Locator> {
  const { signal, onProgress } = options
  const { key } = target
  const { checksums } = place.behaviour
  const input = {
    ...objectMembers(place, target),
    ...digestsOf(bytes, checksums, { md5: needsMd5(checksums, isLocked(place, target.retain)) }),
    ...conditionOf(place, target),
    Body: bytes,
    ContentLength: bytes.byteLength,
  }
  try {
    const answer = await ask(place, `storing ${key}`, ({ sdk, client }, request) => client.send(new sdk.PutObjectCommand(input), request), {
      signal,
    })
    tell(onProgress, { type: 'bytes-sent', byteLength: bytes.byteLength })
    // Every store answers a PUT with an ETag; a success without one came from something else.
    const at = answer.ETag ? locatorOf(key, answer.VersionId) : await confirmed(place, target, options)
    await checkStored(place, target, at, { signal, crc64: sentCrc64Of(answer) })
    return answer.ETag ? await settled(place, target, answer.VersionId, { signal }) : at
  } catch (error) {
    if (isLostRace(error)) return confirmed(place, target, options, error)
    throw isLocked(place, target.retain) ? lockless(place, error) : error
  }
}

async function gathered(place: Place, pack: Pack, { signal }: VaultPutOptions): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(pack.byteLength)
  let filled = 0
  for await (const chunk of bodyOf(pack, place.id, { signal })) {
    bytes.set(chunk, filled)
    filled += chunk.byteLength
    recycle(chunk)
  }
  return bytes
}
