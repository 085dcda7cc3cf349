/**
 * Verified blocks by CID: from the spool, or from the best replica, with a second one asked when the first takes unusually long, and the next when
 * one fails or lies. Nothing leaves here that does not hash to its CID.
 */
import type { CID } from 'multiformats/cid'
import { collect } from '../bytes/collect.ts'
import type { AbortOptions, BlockPlace, PackId, PackRow, ReplicaRow, Span, Vault, Visibility } from '../contracts.ts'
import { ArchiveError } from '../errors.ts'
import { inlined, matches } from '../format/address.ts'
import { type Context, packRow } from './context.ts'
import { type Answer, readSpan } from './read-span.ts'
import { spansOf } from './spans.ts'

/** Packs whose block positions are kept at hand. */
const KEPT_PACKS = 4
/** Patience before a second replica is asked, when a vault's pace is not known yet, in milliseconds. */
const FIRST_HEDGE_MS = 1_000
const LEAST_HEDGE_MS = 50
/** Where a vault of unknown pace stands among those whose pace is known. */
const UNKNOWN_PACE_MS = 100

/** Ends the reads that lost the race; one for all, since nobody reads it. */
const DONE = new DOMException('another replica was quicker', 'AbortError')

export interface BlockReader {
  get(cid: CID, options?: AbortOptions): Promise<Uint8Array>
  /** The block of one pack: its own replicas first, then any other pack that has the same block. */
  fromPack(pack: PackRow, span: Span, options?: AbortOptions): Promise<Uint8Array>
}

interface KnownPack {
  readonly row: PackRow
  readonly spans: ReadonlyMap<string, Span>
  readonly sources: readonly Source[]
}

interface Source {
  readonly vault: Vault
  readonly at: string
}

export function blockReader(
  context: Context,
  scope: { readonly visibility: Visibility; readonly skip?: (vault: string, pack: PackId) => boolean },
): BlockReader {
  const known = new Map<PackId, Promise<KnownPack>>()

  const load = (id: PackId): Promise<KnownPack> => {
    const found = known.get(id) ?? loadPack(context, id)
    known.delete(id)
    known.set(id, found)
    found.catch(() => known.delete(id))
    for (const old of known.keys()) if (known.size > KEPT_PACKS) known.delete(old)
    return found
  }

  /** The packs at hand are asked before the catalog: neighbours lie together. */
  const findNear = async (key: string): Promise<{ pack: KnownPack; span: Span } | undefined> => {
    for (const loading of [...known.values()].reverse()) {
      const pack = await loading
      const span = pack.spans.get(key)
      if (span) return { pack, span }
    }
    return undefined
  }

  const get = async (cid: CID, options: AbortOptions = {}): Promise<Uint8Array> => {
    const inside = inlined(cid)
    if (inside) return inside
    const near = await findNear(cid.toString())
    const failures: Error[] = []
    if (near) {
      const bytes = await readFrom(context, near.pack, near.span, options, failures)
      if (bytes) return bytes
    }
    for (const place of await placesOf(context, cid, scope.visibility)) {
      if (near && place.pack === near.pack.row.id) continue
      const pack = await load(place.pack)
      const bytes = await readFrom(context, pack, place, options, failures)
      if (bytes) return bytes
    }
    throw unavailable(cid, failures)
  }

  return {
    get,
    async fromPack(pack, span, options = {}) {
      const failures: Error[] = []
      return (await readFrom(context, await load(pack.id), span, options, failures)) ?? get(span.cid, options)
    },
  }
}

async function placesOf(context: Context, cid: CID, visibility: Visibility): Promise<readonly BlockPlace[]> {
  return (await context.catalog.findBlocks([cid], { visibility })).get(cid.toString()) ?? []
}

async function loadPack(context: Context, id: PackId): Promise<KnownPack> {
  const row = await packRow(context, id)
  const spans = await spansOf(context, row)
  const replicas = await context.catalog.replicasOf([id])
  const bad = new Set((await context.catalog.packEvidence([id])).filter(({ verdict }) => verdict === 'missing').map(({ vault }) => vault))
  return { row, spans: new Map(spans.map((span) => [span.cid.toString(), span])), sources: ordered(context, replicas, bad) }
}

/** Warm before cold, not known to be gone before the rest, then the quickest. */
function ordered(context: Context, replicas: readonly ReplicaRow[], bad: ReadonlySet<string>): readonly Source[] {
  const rank = ({ vault }: Source) =>
    (vault.profile.cold ? 4 : 0) + (bad.has(vault.profile.id) ? 2 : 0) + (vault.profile.network === 'local' ? 0 : 1)
  const pace = ({ vault }: Source) => context.latencies.quantile(vault.profile.id) ?? UNKNOWN_PACE_MS
  return replicas
    .flatMap(({ vault: id, state, locator }) => {
      const vault = context.vaults.get(id)
      return vault && state === 'placed' && locator !== undefined ? [{ vault, at: locator }] : []
    })
    .sort((a, b) => rank(a) - rank(b) || pace(a) - pace(b))
}

async function readFrom(
  context: Context,
  pack: KnownPack,
  span: Span,
  options: AbortOptions,
  failures: Error[],
): Promise<Uint8Array | undefined> {
  if (pack.row.spooled) {
    const bytes = await fromSpool(context, pack.row, span, failures)
    if (bytes) return bytes
  }
  return hedged(context, pack, span, options, failures)
}

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

/** Asks the sources in order; the next one joins when the ones before take longer than they usually do, or at once when one fails. */
async function hedged(
  context: Context,
  pack: KnownPack,
  span: Span,
  options: AbortOptions,
  failures: Error[],
): Promise<Uint8Array | undefined> {
  const { signal } = options
  const stop = new AbortController()
  const joined = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
  const running = new Map<number, Promise<{ readonly index: number; readonly answer: Answer }>>()
  let next = 0
  const start = () => {
    const index = next++
    const source = pack.sources[index]
    if (!source) return
    const began = performance.now()
    const asking = readSpan(source.vault, source.at, span, { signal: joined, timeoutMs: context.timeoutMs }).then((answer) => {
      if (answer.outcome === 'intact') context.latencies.record(source.vault.profile.id, performance.now() - began)
      return { index, answer }
    })
    asking.catch(() => undefined)
    running.set(index, asking)
  }
  try {
    start()
    while (running.size > 0) {
      const patience = next < pack.sources.length ? patienceWith(context, pack.sources[next - 1]?.vault) : undefined
      const first = await Promise.race([...running.values(), ...(patience ? [patience.over] : [])])
      patience?.cancel()
      if (first === 'late') start()
      else if (first.answer.outcome === 'intact') return first.answer.bytes
      else {
        running.delete(first.index)
        failures.push(first.answer.error)
        await reportWrong(context, pack, span, pack.sources[first.index], first.answer)
        if (running.size === 0) start()
      }
    }
    return undefined
  } finally {
    stop.abort(DONE)
  }
}

function patienceWith(context: Context, vault: Vault | undefined): { readonly over: Promise<'late'>; cancel(): void } {
  const usual = vault ? context.latencies.quantile(vault.profile.id) : undefined
  const ms = usual === undefined ? FIRST_HEDGE_MS : Math.max(LEAST_HEDGE_MS, usual * 2)
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), ms)
  })
  return { over, cancel: () => clearTimeout(timer) }
}

/** Wrong bytes met on the way are evidence; silence is not. */
async function reportWrong(context: Context, pack: KnownPack, span: Span, source: Source | undefined, answer: Answer): Promise<void> {
  if (!source || (answer.outcome !== 'damaged' && answer.outcome !== 'absent')) return
  const ordinal = [...pack.spans.values()].findIndex(({ offset }) => offset === span.offset)
  const open = await context.catalog.unansweredOf(pack.row.id, source.vault.profile.id)
  const now = context.clock()
  await context.catalog.recordEvidence([
    {
      pack: pack.row.id,
      vault: source.vault.profile.id,
      object: 0,
      verdict: answer.outcome === 'damaged' ? 'damaged' : 'missing',
      possession: 'claimed',
      retrieval: 'sampled',
      at: now,
      asked: 1,
      answered: answer.outcome === 'damaged' ? 1 : 0,
      bytesRead: 0,
      detail: answer.error.message,
      unanswered: ordinal < 0 || open.some((one) => one.ordinal === ordinal) ? open : [...open, { ordinal, since: now, tries: 0 }],
    },
  ])
}

function unavailable(cid: CID, failures: readonly Error[]): ArchiveError {
  const why = failures.length === 0 ? 'the catalog knows no pack that holds it' : failures.map(({ message }) => message).join('; ')
  return new ArchiveError('unavailable', `no replica gave intact bytes of block ${cid}: ${why}`, { cause: failures[0] })
}
