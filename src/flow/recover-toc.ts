/** The TOC of a content pack: out of an index pack, or else from the CAR itself, wherever it is said to lie. Its name proves it, so anybody may give it. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, RecoveredPack } from '../contracts.ts'
import { FormatError, PerdureError, VaultError } from '../errors.ts'
import { decodeToc, encodeToc, layout, type Toc } from '../format/pack.ts'
import { tocOfCar } from '../format/toc-walk.ts'
import type { Context } from './context.ts'
import { readRange } from './read-span.ts'

export interface PlaceOfPack {
  readonly vault: string
  readonly locator: string
}

export interface FoundToc {
  readonly toc: Toc
  readonly bytes: Uint8Array
}

type TocContext = Pick<Context, 'catalog' | 'vaults' | 'timeoutMs'>

/** Undefined where nobody has it. `byteLength` is that of the pack. */
export async function tocOf(
  context: TocContext,
  name: CID,
  where: { readonly byteLength: number; readonly places: readonly PlaceOfPack[] },
  options: AbortOptions,
): Promise<FoundToc | undefined> {
  const bytes = await context.catalog.foundBytes(name)
  if (bytes) return { toc: decodeToc(bytes), bytes }
  for (const place of where.places) {
    const found = await walked(context, name, where.byteLength, place, options)
    if (found) return found
  }
  return undefined
}

async function walked(
  { vaults, timeoutMs }: TocContext,
  name: CID,
  byteLength: number,
  { vault: id, locator }: PlaceOfPack,
  { signal }: AbortOptions,
): Promise<FoundToc | undefined> {
  const vault = vaults.get(id)
  if (!vault || vault.profile.cold || vault.profile.addressing !== 'offset') return undefined
  try {
    const toc = await tocOfCar(byteLength, async (offset, length) => {
      const bytes = await readRange(vault, locator, { cid: name, offset, length }, { signal, timeoutMs })
      if (bytes instanceof Uint8Array) return bytes
      throw bytes.error instanceof PerdureError
        ? bytes.error
        : new VaultError('unreachable', id, 'a pack could not be read', { cause: bytes.error })
    })
    const encoded = encodeToc(toc)
    return encoded.name.equals(name) ? { toc, bytes: encoded.bytes } : undefined
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof VaultError || error instanceof FormatError) return undefined
    throw error
  }
}

/** As the catalog enters it. */
export function packFrom(
  name: CID,
  { toc, bytes }: FoundToc,
  known: Pick<RecoveredPack, 'visibility' | 'erasable' | 'createdAt' | 'garbage'>,
): RecoveredPack {
  const { spans, byteLength } = layout(toc)
  return { name, root: toc.root, byteLength, toc: bytes, blocks: spans, ...known }
}
