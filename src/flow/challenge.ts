/**
 * One challenge of one replica: the probes are fixed first, then asked, hashed and judged. Shared by put, verify, repair and watch.
 * Spans that stayed silent or came back wrong are kept open: they are asked again at every later challenge, never redrawn (rule 4).
 */
import type {
  AbortOptions,
  AnswerTally,
  EvidenceRow,
  Locator,
  PackRow,
  Retrieval,
  RotationRow,
  Span,
  Unanswered,
  Vault,
  Verdict,
} from '../contracts.ts'
import { contain } from '../policy/challenge.ts'
import { counting, NO_ANSWERS } from './answers.ts'
import type { Context } from './context.ts'
import { eachOf } from './context.ts'
import { keepsDags } from './dag-turns.ts'
import { type ReadOptions, readSpans, type SpanAnswer } from './read-spans.ts'
import { inWords } from './read-words.ts'
import { spansAt, spansOf } from './spans.ts'

/** At most this many open probes are kept for a replica; enough to find the damage again. */
export const MAX_OPEN = 256
const WIDTH = 4
/** So many silent spans, and no answer to any: the vault is taken for dead, and the rest is not waited for. */
const DEAD_AFTER = 8

export interface ReplicaChallenge extends AbortOptions {
  readonly vault: Vault
  readonly pack: PackRow
  readonly at: Locator
  /** 0: the evidence speaks of the whole pack. */
  readonly object: number
  /** Positions in the pack; `all` reads every block. */
  readonly ordinals: readonly number[] | 'all'
  readonly seed?: Uint8Array | undefined
  readonly onBytes?: ((byteLength: number) => void) | undefined
}

export type Judged = EvidenceRow & {
  readonly unanswered: readonly Unanswered[]
  readonly answers: AnswerTally
  readonly rotation?: RotationRow | undefined
}

/** Asks, hashes, judges. Nothing is written to the catalog. */
export async function challengeReplica(context: Context, challenge: ReplicaChallenge): Promise<Judged> {
  const { catalog, timeoutMs, scratch: pool } = context
  const { vault, pack, at, object, signal, onBytes } = challenge
  const open = await catalog.unansweredOf(pack.id, vault.profile.id)
  const probes =
    challenge.ordinals === 'all'
      ? (await spansOf(context, pack)).map((span, ordinal) => ({ ordinal, span }))
      : await probesAt(context, pack, [...open.map(({ ordinal }) => ordinal), ...challenge.ordinals])
  const counts = { asked: 0, answered: 0, bytesRead: 0 }
  const bad: SpanAnswer[] = []
  const heard = counting()
  await askSpans(probes, { vault, at, signal, timeoutMs, pool }, (answer) => {
    heard.count(answer)
    if (answer.asked) counts.asked++
    if (answer.outcome === 'intact') {
      counts.answered++
      counts.bytesRead += answer.byteLength
      onBytes?.(answer.byteLength)
    } else {
      if (answer.outcome === 'damaged') counts.answered++
      bad.push(answer)
    }
  })
  const intact = counts.answered - bad.filter(({ outcome }) => outcome === 'damaged').length
  const judged = await stillHeld(context, challenge, judge(context, { bad, intact, open }))
  const { verdict, unanswered } = judged
  return {
    pack: pack.id,
    vault: vault.profile.id,
    object: challenge.ordinals === 'all' ? 0 : object,
    verdict,
    possession: verdict === 'intact' ? 'listed' : 'claimed',
    retrieval: retrievalOf(challenge.ordinals, verdict),
    at: context.clock(),
    seed: challenge.seed,
    asked: counts.asked,
    answered: counts.answered,
    bytesRead: counts.bytesRead,
    detail: inWords(challenge, probes, judged),
    unanswered,
    answers: verdict === 'pending' ? NO_ANSWERS : heard.tally(),
  }
}

/** Asks the vault for its own word only: a claim, good for `listed` and no more. */
export async function askStanding(
  context: Context,
  challenge: Pick<ReplicaChallenge, 'vault' | 'pack' | 'at' | 'signal'> & { readonly object?: number | undefined },
): Promise<EvidenceRow> {
  const { vault, pack, at, signal } = challenge
  const standing = await standingOf(context, vault, at, signal)
  const isSilent = standing.verdict === 'unreachable' || standing.verdict === 'denied'
  return {
    pack: pack.id,
    vault: vault.profile.id,
    // Silence must not stand where the vault's word stood: that word is evidence until it lapses.
    object: isSilent ? (challenge.object ?? 0) : 0,
    verdict: standing.verdict,
    possession: standing.verdict === 'unproven' ? 'listed' : 'claimed',
    retrieval: 'none',
    at: context.clock(),
    asked: 1,
    answered: isSilent ? 0 : 1,
    bytesRead: 0,
    detail: standing.detail,
  }
}

async function standingOf(
  context: Context,
  vault: Vault,
  at: Locator,
  signal: AbortSignal | undefined,
): Promise<{ verdict: Verdict; detail?: string }> {
  const patience = AbortSignal.timeout(context.timeoutMs)
  try {
    const standing = await vault.status(at, { signal: signal ? AbortSignal.any([signal, patience]) : patience })
    if (standing === 'held') return { verdict: 'unproven', detail: 'the vault says it holds it; no bytes were asked for' }
    return standing === 'settling'
      ? { verdict: 'pending', detail: 'accepted, not settled yet' }
      : { verdict: 'missing', detail: 'the vault says it is not there' }
  } catch (error) {
    signal?.throwIfAborted()
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    const detail = error instanceof Error ? error.message : String(error)
    if (code === 'denied') return { verdict: 'denied', detail }
    return code === 'absent' ? { verdict: 'missing', detail } : { verdict: 'unreachable', detail }
  }
}

type Probe = { readonly ordinal: number; readonly span: Span }

/** Probes of these positions of a pack, in order. */
export async function probesAt(context: Context, pack: PackRow, ordinals: readonly number[]): Promise<readonly Probe[]> {
  const sorted = [...new Set(ordinals)].sort((a, b) => a - b)
  const spans = await spansAt(context, pack, sorted)
  return sorted.flatMap((ordinal) => {
    const span = spans.get(ordinal)
    return span ? [{ ordinal, span }] : []
  })
}

/** Has the vault shown any sign of life? Shared by reads that belong together. */
export interface Life {
  silent: number
  alive: boolean
}

export const isDead = ({ silent, alive }: Life): boolean => !alive && silent >= DEAD_AFTER

/** Asks for every probe, given in order of their offsets, unless the vault turns out to be dead: then the rest counts as silent without being asked. */
export async function askSpans(
  probes: readonly Probe[],
  options: ReadOptions,
  take: (answer: SpanAnswer) => void,
  life: Life = { silent: 0, alive: false },
): Promise<void> {
  const counted = (answer: SpanAnswer) => {
    if (answer.outcome === 'silent') life.silent++
    else life.alive = true
    take(answer)
  }
  const runs = readSpans.spread(readSpans.runs(probes, options.vault.profile.addressing))
  await eachOf(runs, WIDTH, (run) => readSpans.run(run, { ...options, isDead: () => isDead(life) }, counted))
}

interface Judgement {
  readonly verdict: Verdict
  readonly unanswered: readonly Unanswered[]
  readonly detail: string | undefined
}

/** Blocks of a network come out of caches and queues as well: where the vault itself says that it keeps nothing, they prove no replica. */
async function stillHeld(context: Context, { vault, at, signal }: ReplicaChallenge, judged: Judgement): Promise<Judgement> {
  const isDag = keepsDags(vault)
  const isIntact = judged.verdict === 'intact'
  if (!(isDag ? isIntact : vault.readsFrom && (isIntact || NOTHING_THERE.has(judged.verdict)))) return judged
  const { verdict } = await standingOf(context, vault, at, signal)
  if (verdict === 'missing' && isIntact) {
    const gone = isDag ? 'is not pinned any more' : 'does not hold it any more'
    return { verdict, unanswered: [], detail: `the vault says it ${gone}; what was read came out of a cache` }
  }
  // A pin that is queued may be of a DAG that it holds already. What is not settled elsewhere proves nothing, whether it can be read or not.
  return verdict === 'pending' && !isDag ? { verdict, unanswered: [], detail: 'not settled yet; verify again later' } : judged
}

const NOTHING_THERE: ReadonlySet<Verdict> = new Set(['missing', 'unreachable'])

function judge(
  context: Context,
  found: { readonly bad: readonly SpanAnswer[]; readonly intact: number; readonly open: readonly Unanswered[] },
): Judgement {
  const { bad, intact, open } = found
  const now = context.clock()
  const first = bad[0]
  if (!first) return { verdict: 'intact', unanswered: [], detail: undefined }
  const wrong = bad.filter(({ outcome }) => outcome === 'damaged' || outcome === 'absent')
  const silent = bad.filter(({ outcome }) => outcome === 'silent')
  const unanswered = new Set(bad.filter(({ outcome }) => outcome === 'silent' || outcome === 'denied').map(({ ordinal }) => ordinal))
  const { stillSilent, missing } = contain({
    // A refusal answers nothing: what was open before it stays open.
    // And a silence that began after now began by a clock that has been set back since.
    unanswered: open.filter(({ ordinal }) => unanswered.has(ordinal)).map((probe) => ({ ...probe, since: Math.min(probe.since, now) })),
    results: silent.map(({ ordinal }) => ({ ordinal, outcome: 'silent' as const })),
    othersAnswered: intact > 0,
    now,
    graceDays: context.policy.graceDays,
  })
  const kept = [...wrong.map(({ ordinal }) => ({ ordinal, since: now, tries: 0 })), ...missing, ...stillSilent].slice(0, MAX_OPEN)
  const detail = first.detail
  const has = (outcome: SpanAnswer['outcome']) => bad.some((answer) => answer.outcome === outcome)
  if (has('damaged')) return { verdict: 'damaged', unanswered: kept, detail: wrong.find(({ outcome }) => outcome === 'damaged')?.detail }
  if (has('absent')) return { verdict: intact > 0 ? 'damaged' : 'missing', unanswered: kept, detail: wrong[0]?.detail }
  if (missing.length > 0)
    return {
      verdict: 'missing',
      unanswered: kept,
      detail: `${missing.length} span(s) stayed silent while others answered; counted as lost`,
    }
  if (has('denied')) return { verdict: 'denied', unanswered: kept, detail }
  return { verdict: intact > 0 ? 'incomplete' : 'unreachable', unanswered: kept, detail }
}

/** Silence retrieves nothing: its row must not stand where an answer stood. */
function retrievalOf(ordinals: readonly number[] | 'all', verdict: Verdict): Retrieval {
  if (verdict !== 'intact' && verdict !== 'damaged' && verdict !== 'missing') return 'none'
  return ordinals === 'all' ? 'whole' : 'sampled'
}
