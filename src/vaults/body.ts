/** What every vault does with a pack on its way in: refuse what is too large, count the bytes, stop on abort, tell the listener. */
import type { Pack, VaultProfile, VaultPutOptions } from '../contracts.ts'
import { VaultError } from '../errors.ts'

/** Throws `invalid` when the pack is larger than the vault takes; comes before the first byte is read. */
export function admit(profile: VaultProfile, pack: Pack): void {
  if (profile.maxPackBytes === undefined || pack.byteLength <= profile.maxPackBytes) return
  const sizes = `this pack has ${pack.byteLength} bytes, the vault takes at most ${profile.maxPackBytes}`
  throw new VaultError('invalid', profile.id, `${sizes}; put with a smaller maxPackBytes`)
}

/**
 * The pack's bytes, exactly `pack.byteLength` of them: throws `damaged` on the first byte too many and at an end that comes too early.
 * Errors of the body pass through as they are; an abort is the signal's reason.
 */
export async function* bodyOf(pack: Pack, vault: string, options: VaultPutOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal, onProgress } = options
  let sent = 0
  signal?.throwIfAborted()
  try {
    for await (const chunk of pack.open({ signal })) {
      signal?.throwIfAborted()
      sent += chunk.byteLength
      if (sent > pack.byteLength) throw wrongLength(vault, pack, `more than ${pack.byteLength}`)
      yield chunk
      tell(onProgress, { type: 'bytes-sent', byteLength: chunk.byteLength })
    }
  } catch (error) {
    throw signal?.aborted ? signal.reason : error
  }
  if (sent !== pack.byteLength) throw wrongLength(vault, pack, `only ${sent} of ${pack.byteLength}`)
}

/** The error of a pack whose bytes are not as many as it says. */
export function wrongLength(vault: string, pack: Pack, found: string): VaultError {
  return new VaultError(
    'damaged',
    vault,
    `the body of pack ${pack.name} gave ${found} bytes; nothing was kept, rebuild the pack and put again`,
  )
}

/** Tells a listener; one that throws does not fail the work. */
export function tell<Event>(listener: ((event: Event) => void) | undefined, event: Event): void {
  try {
    listener?.(event)
  } catch {
    // The listener's own bug: a transfer that went well must not be reported as failed because of it.
    return
  }
}
