/** Reading many spans of one replica: neighbours travel in one read where the vault reads by offset, and every block is hashed by itself. */
import { type BufferPool, recycle } from '../bytes/pool.ts'
import type { AbortOptions, Locator, Span, Vault, VaultProfile } from '../contracts.ts'
import { follows } from './read-run.ts'
import { type Answer, hashed, readRange, readSpan } from './read-span.ts'

/** Most bytes that one read asks for. */
export const RUN_BYTES = 4 * 1024 * 1024

export interface Probe {
  readonly ordinal: number
  readonly span: Span
}

export interface SpanAnswer {
  readonly ordinal: number
  readonly outcome: Answer['outcome']
  readonly asked: boolean
  readonly byteLength: number
  readonly detail: string | undefined
  /** How long the read took that brought it, in milliseconds; of several spans in one read only the first has it. */
  readonly ms?: number | undefined
}

export interface ReadOptions extends AbortOptions {
  readonly vault: Vault
  readonly at: Locator
  readonly timeoutMs: number
  /** Buffers of `RUN_BYTES`; answers are only judged here, so their memory is used again. */
  readonly pool: BufferPool
}

/** Groups probes, given in order of their offsets, into runs of neighbours. */
function runs(probes: readonly Probe[], addressing: VaultProfile['addressing']): readonly (readonly Probe[])[] {
  const grouped: Probe[][] = []
  for (const probe of probes) {
    const run = grouped.at(-1)
    const first = run?.[0]
    const last = run?.at(-1)
    const end = probe.span.offset + probe.span.length
    const near = last && follows(last.span, probe.span)
    if (run && first && near && addressing === 'offset' && end - first.span.offset <= RUN_BYTES) run.push(probe)
    else grouped.push([probe])
  }
  return grouped
}

/**
 * Asks for one run. When a run is not answered whole, its spans are asked for one by one, so that each gets a verdict of its own, until `isDead`: then
 * the rest counts as silent without being asked.
 */
async function run(
  probes: readonly Probe[],
  options: ReadOptions & { readonly isDead: () => boolean },
  take: (answer: SpanAnswer) => void,
): Promise<void> {
  const [first] = probes
  const last = probes.at(-1)
  if (!first || !last) return
  if (probes.length > 1 && !options.isDead()) {
    const answers = await together(probes, first.span.offset, last.span.offset + last.span.length, options)
    if (answers) return answers.forEach(take)
  }
  for (const probe of spread(probes)) {
    if (options.isDead()) take({ ordinal: probe.ordinal, outcome: 'silent', asked: false, byteLength: 0, detail: undefined })
    else take(await alone(probe, options))
  }
}

/** Another order, of which every beginning is spread over the whole: where a vault is silent about one place only, the first few meet others too. */
function spread<T>(items: readonly T[]): readonly T[] {
  const bits = Math.ceil(Math.log2(Math.max(2, items.length)))
  const reversed = (index: number) => Number.parseInt(index.toString(2).padStart(bits, '0').split('').reverse().join(''), 2)
  return items
    .map((item, index) => ({ item, rank: reversed(index) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item)
}

async function alone(probe: Probe, options: ReadOptions): Promise<SpanAnswer> {
  const into = await options.pool.take()
  const began = performance.now()
  const answer = await readSpan(options.vault, options.at, probe.span, { ...options, into, audit: true })
  // A vault that was given up on may still write: its buffer is not used again.
  if (answer.outcome !== 'silent') recycle(into)
  return toAnswer(probe, answer, performance.now() - began)
}

async function together(
  probes: readonly Probe[],
  start: number,
  end: number,
  options: ReadOptions,
): Promise<readonly SpanAnswer[] | undefined> {
  const [first] = probes
  if (!first) return undefined
  const into = await options.pool.take()
  const range = { cid: first.span.cid, offset: start, length: end - start }
  const began = performance.now()
  const bytes = await readRange(options.vault, options.at, range, { ...options, into, audit: true })
  if (!(bytes instanceof Uint8Array) || bytes.byteLength !== end - start) return undefined
  const ms = performance.now() - began
  try {
    return await Promise.all(
      probes.map(async (probe) => {
        const at = probe.span.offset - start
        return toAnswer(
          probe,
          await hashed(options.vault, probe.span, bytes.subarray(at, at + probe.span.length)),
          probe === first ? ms : undefined,
        )
      }),
    )
  } finally {
    recycle(into)
  }
}

function toAnswer({ ordinal, span }: Probe, answer: Answer, ms: number | undefined): SpanAnswer {
  const detail = answer.outcome === 'intact' ? undefined : answer.error.message
  return { ordinal, outcome: answer.outcome, asked: true, byteLength: answer.outcome === 'intact' ? span.length : 0, detail, ms }
}

export const readSpans = { runs, run, spread }
