/** What is known of an item: its standing, its bytes, and what can be shown without anybody's word. */
import type { AbortOptions, Attestation, Challenge, Span, Standing, VaultReadOptions } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import { depthInWords, isShown, standingOf } from '../inclusion.ts'
import type { AtItem } from '../locator.ts'
import type { Settings } from '../options.ts'
import { readSpan } from '../read.ts'
import { heightNow } from '../tip.ts'
import { bytesAt, insideOf, itemIn, wrongWith } from './inside-of.ts'

const MOST_READ_BYTES = 4 * 1024 * 1024

/** As deep as its bundle. Until its deadline it may be on its way; then it is absent. */
export async function standingOfItem(settings: Settings, at: AtItem, { signal }: AbortOptions = {}): Promise<Standing> {
  const inside = await insideOf(settings, at, { signal })
  if (inside) return standingOf(inside.inclusion, settings.id)
  return (await heightNow(settings.network, { signal })) <= at.deadline ? 'settling' : 'absent'
}

/** An audit reads out of the bundle, each chunk proven; everything else asks gateways for the item. */
export async function* readItem(settings: Settings, at: AtItem, span: Span, options: VaultReadOptions = {}): AsyncGenerator<Uint8Array> {
  const { signal, audit = false } = options
  const inside = audit ? await insideOf(settings, at, { signal }) : undefined
  if (!inside) return yield* readSpan(settings.network, at, span, { signal })
  // The data is the end of the item.
  const start = inside.offset + inside.length - at.byteLength
  const end = Math.min(span.offset + span.length, at.byteLength)
  for (let offset = span.offset; offset < end; offset += MOST_READ_BYTES) {
    const length = Math.min(MOST_READ_BYTES, end - offset)
    yield await bytesAt(inside.weave, settings.id, { offset: start + offset, length }, { signal })
  }
}

/** All of it is read: the signature is over all of it. */
export async function attestItem(
  settings: Settings,
  at: AtItem,
  { name }: Challenge,
  { signal }: AbortOptions = {},
): Promise<Omit<Attestation, 'at'>> {
  try {
    const inside = await insideOf(settings, at, { signal })
    if (!inside) {
      const isLate = (await heightNow(settings.network, { signal })) > at.deadline
      return isLate
        ? { verdict: 'refuted', detail: `accepted: no bundle has it, and block ${at.deadline}, by which one was to, is past` }
        : { verdict: 'unproven', detail: `accepted: no bundle has it yet; one is to by block ${at.deadline}` }
    }
    const { bundle, inclusion } = inside
    const where = inclusion.state === 'mined' ? `${depthInWords(inclusion.depth)}, by ${inclusion.agreeing} gateways` : 'not certain'
    const place = `mined: in bundle ${bundle}, ${where}`
    const item = await itemIn(settings, at, inside, { signal })
    const wrong = await wrongWith(settings, at, { item, name })
    if (wrong !== undefined) return { verdict: 'refuted', detail: `${place}; item: ${wrong}` }
    return { verdict: isShown(inclusion) ? 'proven' : 'unproven', detail: `${place}; whole: the item, all of it read, has our signature` }
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof VaultError)) throw error
    return { verdict: error.code === 'absent' || error.code === 'damaged' ? 'refuted' : 'unproven', detail: `seeded: ${error.message}` }
  }
}
