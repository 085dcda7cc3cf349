/**
 * Verified blocks by CID, from the spool or from the best replica. What is asked for at the same moment and lies side by side is read together.
 * Nothing leaves here that does not hash to its CID.
 */
import type { CID } from 'multiformats/cid'
import { collect } from '../bytes/collect.ts'
import type { AbortOptions, BlockPlace, PackId, PackRow, Span, Visibility } from '../contracts.ts'
import { ArchiveError } from '../errors.ts'
import { inlined, matches } from '../format/address.ts'
import type { SourcePreference } from '../policy/sources.ts'
import type { Context } from './context.ts'
import { grouped, hedged, type KnownPack, loadPack, runFrom } from './hedge.ts'

/** Packs whose block positions are kept at hand. */
const KEPT_PACKS = 4

export interface BlockReader {
  get(cid: CID, options?: AbortOptions): Promise<Uint8Array>
  /** The block of one pack: its own replicas first, then any other pack that has the same block. */
  fromPack(pack: PackRow, span: Span, options?: AbortOptions): Promise<Uint8Array>
}

/** A block that somebody waits for. */
interface Wanted {
  readonly cid: CID
  /** Known beforehand; otherwise it is looked for. */
  readonly pack: PackId | undefined
  readonly signal: AbortSignal | undefined
  readonly resolve: (bytes: Uint8Array) => void
  readonly reject: (error: unknown) => void
}

export function blockReader(
  context: Context,
  scope: { readonly visibility: Visibility; readonly prefer?: SourcePreference | undefined },
): BlockReader {
  const known = new Map<PackId, Promise<KnownPack>>()
  let queue: Wanted[] = []

  const load = (id: PackId): Promise<KnownPack> => {
    const found = known.get(id) ?? loadPack(context, id, scope.prefer)
    known.delete(id)
    known.set(id, found)
    found.catch(() => known.delete(id))
    for (const old of known.keys()) if (known.size > KEPT_PACKS) known.delete(old)
    return found
  }

  /** The packs at hand are asked before the catalog: neighbours lie together. */
  const near = async (key: string): Promise<KnownPack | undefined> => {
    for (const loading of [...known.values()].reverse()) {
      const pack = await loading
      if (pack.spans.has(key)) return pack
    }
    return undefined
  }

  const placesOf = async (cid: CID): Promise<readonly BlockPlace[]> =>
    (await context.catalog.findBlocks([cid], { visibility: scope.visibility })).get(cid.toString()) ?? []

  /** Every pack that has the block, until one of them gives it. */
  const find = async (one: Wanted, tried: KnownPack | undefined): Promise<Uint8Array> => {
    const failures: Error[] = []
    const options = { signal: one.signal }
    const span = tried?.spans.get(one.cid.toString())
    if (tried && span) {
      const bytes = await readFrom(context, tried, span, options, failures)
      if (bytes) return bytes
    }
    for (const place of await placesOf(one.cid)) {
      if (place.pack === tried?.row.id) continue
      const bytes = await readFrom(context, await load(place.pack), place, options, failures)
      if (bytes) return bytes
    }
    throw unavailable(one.cid, failures)
  }

  const alone = (one: Wanted, pack: KnownPack | undefined) => find(one, pack).then(one.resolve, one.reject)

  const together = async (pack: KnownPack, group: readonly Wanted[], spans: readonly Span[]): Promise<void> => {
    const left = new Set(group)
    const onBlock = (index: number, bytes: Uint8Array) => {
      const one = group[index]
      if (one && left.delete(one)) one.resolve(bytes)
    }
    try {
      await runFrom(context, pack, spans, { signal: group[0]?.signal, onBlock })
    } catch (error) {
      for (const one of left) one.reject(error)
      return
    }
    for (const one of left) void alone(one, pack)
  }

  const serve = async (batch: readonly Wanted[]): Promise<void> => {
    const byPack = new Map<KnownPack, Wanted[]>()
    for (const one of batch) {
      try {
        const pack = one.pack === undefined ? await locate(one.cid) : await load(one.pack)
        if (!pack || inSpool(context, pack)) void alone(one, pack)
        else byPack.set(pack, [...(byPack.get(pack) ?? []), one])
      } catch (error) {
        one.reject(error)
      }
    }
    for (const [pack, wanted] of byPack) {
      for (const group of groupsOf(pack, wanted)) {
        const [first] = group
        if (first && group.length === 1) void alone(first.one, pack)
        else
          void together(
            pack,
            group.map(({ one }) => one),
            group.map(({ span }) => span),
          )
      }
    }
  }

  const locate = async (cid: CID): Promise<KnownPack | undefined> => {
    const at = await near(cid.toString())
    if (at) return at
    const [place] = await placesOf(cid)
    return place && load(place.pack)
  }

  const ask = (cid: CID, pack: PackId | undefined, signal: AbortSignal | undefined): Promise<Uint8Array> =>
    new Promise((resolve, reject) => {
      if (queue.length === 0) {
        queueMicrotask(() => {
          const batch = queue
          queue = []
          void serve(batch)
        })
      }
      queue.push({ cid, pack, signal, resolve, reject })
    })

  return {
    get: async (cid, { signal } = {}) => inlined(cid) ?? ask(cid, undefined, signal),
    fromPack: (pack, { cid }, { signal } = {}) => ask(cid, pack.id, signal),
  }
}

interface Placed {
  readonly one: Wanted
  readonly span: Span
}

/** What one read each can bring: neighbours that are waited for under one signal. */
function groupsOf(pack: KnownPack, wanted: readonly Wanted[]): readonly (readonly Placed[])[] {
  const groups: (readonly Placed[])[] = []
  for (const same of Map.groupBy(wanted, ({ signal }) => signal).values()) {
    const placed = same.flatMap((one) => {
      const span = pack.spans.get(one.cid.toString())
      return span ? [{ one, span }] : []
    })
    placed.sort((a, b) => a.span.offset - b.span.offset)
    let next = 0
    for (const group of grouped(
      pack,
      placed.map(({ span }) => span),
    )) {
      groups.push(placed.slice(next, next + group.length))
      next += group.length
    }
  }
  return groups
}

async function readFrom(
  context: Context,
  pack: KnownPack,
  span: Span,
  options: AbortOptions,
  failures: Error[],
): Promise<Uint8Array | undefined> {
  if (inSpool(context, pack)) {
    const bytes = await fromSpool(context, pack.row, span, failures)
    if (bytes) return bytes
  }
  return hedged(context, pack, span, options, failures)
}

const inSpool = ({ reading }: Context, { row }: KnownPack): boolean => row.spooled && reading?.vaultsOnly !== true

async function fromSpool(context: Context, row: PackRow, span: Span, failures: Error[]): Promise<Uint8Array | undefined> {
  try {
    const bytes = await collect(context.spool.pack(row).open({ offset: span.offset, length: span.length }), span.length)
    if (matches(span.cid, bytes)) return bytes
    failures.push(new ArchiveError('unavailable', `the spool's copy of ${span.cid} does not hash to it`))
  } catch (error) {
    // Vaults took the pack over meanwhile, or the disk failed: they are asked next.
    failures.push(error instanceof Error ? error : new ArchiveError('unavailable', 'the spool could not be read', { cause: error }))
  }
  return undefined
}

function unavailable(cid: CID, failures: readonly Error[]): ArchiveError {
  const why = failures.length === 0 ? 'the catalog knows no pack that holds it' : failures.map(({ message }) => message).join('; ')
  return new ArchiveError('unavailable', `no replica gave intact bytes of block ${cid}: ${why}`, { cause: failures[0] })
}
