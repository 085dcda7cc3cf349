/** Reading from several replicas of one pack: the best first, the next when it takes unusually long, fails or lies. */
import type { AbortOptions, EvidenceRow, PackId, PackRow, ReplicaRow, Span, Vault, VaultScore, Verdict } from '../contracts.ts'
import { compareSources, type SourcePreference } from '../policy/sources.ts'
import { NO_ANSWERS } from './answers.ts'
import { type Context, packRow } from './context.ts'
import { recordEvidence } from './events.ts'
import { follows, RUN_BYTES, readRun } from './read-run.ts'
import { type Answer, readSpan } from './read-span.ts'

import { recordAnswers, scoresOf } from './scores.ts'
import { spansOf } from './spans.ts'

/** Patience before a second replica is asked, when a vault's pace is not known yet, in milliseconds. */
const FIRST_HEDGE_MS = 1_000
const LEAST_HEDGE_MS = 50
/** Where a vault of unknown pace stands among those whose pace is known. */
const UNKNOWN_PACE_MS = 100

/** Ends the reads that lost the race; one for all, since nobody reads it. */
const DONE = new DOMException('another replica was quicker', 'AbortError')

interface Source {
  readonly vault: Vault
  readonly at: string
}

/** A pack with where its blocks lie, and the replicas in the order in which they are asked. */
export interface KnownPack {
  readonly row: PackRow
  readonly spans: ReadonlyMap<string, Span>
  readonly sources: readonly Source[]
}

export async function loadPack(context: Context, id: PackId, prefer: SourcePreference = 'quick'): Promise<KnownPack> {
  const row = await packRow(context, id)
  const spans = await spansOf(context, row)
  const replicas = await context.catalog.replicasOf([id])
  const evidence = await context.catalog.packEvidence([id])
  const bad = new Set(evidence.filter(({ verdict }) => verdict === 'missing').map(({ vault }) => vault))
  // Who waits for nothing does not wait for a vault that has just been silent.
  if (prefer === 'cheap') for (const { vault } of newestOf(evidence).filter(({ verdict }) => SILENT.has(verdict))) bad.add(vault)
  const reputation = { bad, scores: await scoresOf(context), prefer }
  return { row, spans: new Map(spans.map((span) => [span.cid.toString(), span])), sources: ordered(context, replicas, reputation) }
}

const SILENT: ReadonlySet<Verdict> = new Set(['unreachable', 'denied'])

function newestOf(evidence: readonly EvidenceRow[]): readonly EvidenceRow[] {
  const newest = new Map<string, EvidenceRow>()
  for (const row of evidence) if (row.at >= (newest.get(row.vault)?.at ?? 0)) newest.set(row.vault, row)
  return [...newest.values()]
}

interface Reputation {
  /** Vaults that are known not to have the pack. */
  readonly bad: ReadonlySet<string>
  readonly scores: ReadonlyMap<string, VaultScore>
  readonly prefer: SourcePreference
}

function ordered(context: Context, replicas: readonly ReplicaRow[], { bad, scores, prefer }: Reputation): readonly Source[] {
  const standing = ({ vault: { profile } }: Source) => {
    const { quarantine, slowMs = 0, availability = 1, integrity = 1 } = scores.get(profile.id) ?? {}
    // From other days only slowness is believed.
    const before = Math.max(UNKNOWN_PACE_MS, slowMs)
    return {
      profile,
      last: context.reading?.last === profile.id,
      missing: bad.has(profile.id),
      quarantined: quarantine !== undefined,
      // A vault that answers half the time is taken to be twice as slow.
      paceMs: (context.latencies.quantile(profile.id) ?? before) / Math.max(0.01, availability * integrity),
    }
  }
  return replicas
    .flatMap(({ vault: id, state, locator }) => {
      const vault = context.vaults.get(id)
      return vault && state === 'placed' && locator !== undefined ? [{ vault, at: locator }] : []
    })
    .sort((a, b) => compareSources(standing(a), standing(b), prefer))
}

/** Cuts spans, in order of their offsets, into groups that one read each can bring; without a vault that reads by offset each stands alone. */
export function grouped(pack: KnownPack, spans: readonly Span[]): readonly (readonly Span[])[] {
  if (pack.sources[0]?.vault.profile.addressing !== 'offset') return spans.map((span) => [span])
  const groups: Span[][] = []
  for (const span of spans) {
    const group = groups.at(-1)
    const [first] = group ?? []
    const last = group?.at(-1)
    const fits = first && last && follows(last, span) && span.offset + span.length - first.offset <= RUN_BYTES
    if (group && fits) group.push(span)
    else groups.push([span])
  }
  return groups
}

/**
 * Neighbours from the best replica, in one read. Whatever it does not bring is left to the caller: the replica may lie, fail, or take longer than it
 * usually does while there is another one to ask. Rejects only when the caller's signal ends it.
 */
export async function runFrom(
  context: Context,
  pack: KnownPack,
  spans: readonly Span[],
  options: AbortOptions & { readonly onBlock: (index: number, bytes: Uint8Array) => void },
): Promise<void> {
  const [source, other] = pack.sources
  if (!source) return
  const { signal, onBlock } = options
  const stop = new AbortController()
  const patience = other && setTimeout(() => stop.abort(DONE), patienceWith(context, source.vault))
  const began = performance.now()
  let came = 0
  try {
    await readRun(source.vault, source.at, spans, {
      signal: signal ? AbortSignal.any([signal, stop.signal]) : stop.signal,
      timeoutMs: context.timeoutMs,
      onBlock: (index, bytes) => {
        patience?.refresh()
        if (came++ === 0) context.latencies.record(source.vault.profile.id, performance.now() - began)
        onBlock(index, bytes)
      },
    })
  } catch {
    // Each block that is missing now is asked for by itself, and gets a verdict of its own.
    signal?.throwIfAborted()
  } finally {
    clearTimeout(patience)
  }
}

/** One block: asks the sources in order; the next one joins when the ones before take longer than they usually do, or at once when one fails. */
export async function hedged(
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
      const late = next < pack.sources.length ? after(patienceWith(context, pack.sources[next - 1]?.vault)) : undefined
      const first = await Promise.race([...running.values(), ...(late ? [late.over] : [])])
      late?.cancel()
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

/** In milliseconds: twice as long as the vault usually takes. */
function patienceWith(context: Context, vault: Vault | undefined): number {
  const usual = vault ? context.latencies.quantile(vault.profile.id) : undefined
  return usual === undefined ? FIRST_HEDGE_MS : Math.max(LEAST_HEDGE_MS, usual * 2)
}

function after(ms: number): { readonly over: Promise<'late'>; cancel(): void } {
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
  await recordEvidence(context, [
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
  const { damaged, absent } = { damaged: answer.outcome === 'damaged' ? 1 : 0, absent: answer.outcome === 'absent' ? 1 : 0 }
  await recordAnswers(context, source.vault.profile.id, { ...NO_ANSWERS, damaged, absent }, answer.error.message)
}
