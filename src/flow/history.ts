/**
 * Is the log that the catalog holds the one that the archive has signed? Every index pack in a vault that the catalog does not know is read: a checkpoint
 * in it that our key signed, and that our log does not begin with or reach, shows that the catalog was rolled back, or that the log was forked.
 */
import type { CID } from 'multiformats/cid'
import { collect } from '../bytes/collect.ts'
import type { AbortOptions, CheckedCheckpoint, HistoryReport, Listed, Vault, VaultHistory } from '../contracts.ts'
import { FormatError, VaultError } from '../errors.ts'
import { readCar } from '../format/car.ts'
import type { Checkpoint } from '../format/checkpoint.ts'
import { readLogBlock, readLogPart } from '../format/log-blocks.ts'
import { grow, leafHash, rootOf } from '../format/merkle.ts'
import { readIndexBlock } from '../format/record.ts'
import type { Context } from './context.ts'
import { listing } from './index-pack.ts'
import { remember } from './log-alarm.ts'
import { checkpointOf, edgeOf, judgeCheckpoint } from './log-tree.ts'

const NAMES = 500
/** Larger index packs are not read here. */
const MOST_PACK_BYTES = 64 * 1024 * 1024
/** So much evidence is enough. */
const MOST_EVIDENCE = 20

export type HistoryOptions = AbortOptions & { readonly vaults?: readonly string[] | undefined }
type Evidence = HistoryReport['evidence'][number]

/** Asks every vault that lists. What contradicts the log is remembered in the catalog, and nothing is entered or published from then on. */
export async function checkHistory(context: Context, options: HistoryOptions = {}): Promise<HistoryReport> {
  const { note, size } = await checkpointOf(context)
  const vaults: VaultHistory[] = []
  const evidence: Evidence[] = []
  for (const id of listing(context)) {
    const vault = context.vaults.get(id)
    if (!vault || !(options.vaults?.includes(id) ?? true)) continue
    options.signal?.throwIfAborted()
    const { found, ...history } = await historyIn(context, vault, options)
    vaults.push(history)
    evidence.push(...found)
  }
  const worst = WORST.find((verdict) => vaults.some((one) => one.verdict === verdict))
  const verdict = worst === undefined || worst === 'unreachable' ? 'unknown' : worst
  await remember(context, evidence[0])
  return { verdict, size, checkpoint: note, vaults, evidence: evidence.slice(0, MOST_EVIDENCE) }
}

const WORST = ['forked', 'rolled-back', 'consistent', 'unreachable'] as const

/** Compares the log with one checkpoint, as it was signed. */
export async function checkAgainst(context: Context, checkpoint: string): Promise<CheckedCheckpoint> {
  const checked = await judgeNote(context, checkpoint)
  await remember(context, checked)
  return checked
}

const judgeNote = (context: Context, note: string) => judgeCheckpoint({ catalog: context.catalog, publicKey: context.key.publicKey }, note)

async function historyIn(
  context: Context,
  vault: Vault,
  options: HistoryOptions,
): Promise<VaultHistory & { readonly found: readonly Evidence[] }> {
  const { id } = vault.profile
  const found: Evidence[] = []
  let [listed, unknown, unread] = [0, 0, 0]
  try {
    for await (const page of pages(vault.list?.({ kind: 'index', signal: options.signal }))) {
      listed += page.length
      const strangers = await strangersOf(context, page)
      unknown += strangers.length
      for (const stranger of strangers) {
        const checked = await checkStranger(context, vault, stranger, options)
        if (checked === 'unread') unread++
        else if (checked) found.push({ ...checked, vault: id, pack: stranger.name.toString() })
      }
    }
  } catch (error) {
    options.signal?.throwIfAborted()
    if (!(error instanceof VaultError)) throw error
    if (found.length === 0) return { vault: id, verdict: 'unreachable', listed, unknown, detail: error.message, found }
  }
  const verdict = found.some((one) => one.verdict === 'forked') ? 'forked' : found.length > 0 ? 'rolled-back' : 'consistent'
  const detail = found[0]?.detail ?? (unread > 0 ? `${unread} index packs that the catalog does not know could not be read` : undefined)
  if (verdict === 'consistent' && unread > 0)
    return { vault: id, verdict: 'unreachable', listed, unknown, ...(detail && { detail }), found }
  return { vault: id, verdict, listed, unknown, ...(detail !== undefined && { detail }), found }
}

async function* pages(list: AsyncIterable<Listed> | undefined): AsyncGenerator<readonly Listed[]> {
  let page: Listed[] = []
  for await (const one of list ?? []) {
    if (one.kind !== 'index') continue
    page.push(one)
    if (page.length < NAMES) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}

async function strangersOf({ catalog }: Context, page: readonly Listed[]): Promise<readonly Listed[]> {
  const unknown = new Set((await catalog.unknownPacks(page.map(({ name }) => name))).map(String))
  return page.filter(({ name }) => unknown.has(name.toString()))
}

/** Undefined where it says nothing against our log: it is another archive's, or has no checkpoint, or one that our log begins with. */
async function checkStranger(
  context: Context,
  vault: Vault,
  stranger: Listed,
  options: HistoryOptions,
): Promise<CheckedCheckpoint | 'unread' | undefined> {
  try {
    const part = await partOf(context, vault, stranger, options)
    if (!part) return undefined
    const checked = await judgeNote(context, part.note)
    if (checked.verdict === 'consistent' || checked.verdict === 'foreign') return undefined
    if (checked.verdict === 'rolled-back' && (await leadsElsewhere(context, part))) {
      const { checkpoint, size = 0 } = checked
      const detail = `the archive has signed a log of ${size} entries that does not go on where the one in the catalog ends`
      return { verdict: 'forked', size, detail, checkpoint }
    }
    return checked
  } catch (error) {
    options.signal?.throwIfAborted()
    if (error instanceof FormatError) return undefined
    if (error instanceof VaultError) return error.code === 'absent' ? undefined : 'unread'
    throw error
  }
}

interface Part {
  readonly note: string
  readonly checkpoint: Checkpoint
  readonly first: number
  readonly blocks: readonly CID[]
  readonly bytesOf: ReadonlyMap<string, Uint8Array>
}

async function partOf(
  context: Context,
  vault: Vault,
  { name, at, byteLength }: Listed,
  options: HistoryOptions,
): Promise<Part | undefined> {
  if (byteLength > MOST_PACK_BYTES) throw new VaultError('unsupported', vault.profile.id, `index pack ${name} is too large to be read here`)
  const signal = patient(context, options.signal)
  const bytes = await collect(vault.read(at, { cid: name, offset: 0, length: byteLength }, { signal }), byteLength)
  const { root, blocks } = readCar(bytes)
  const index = readIndexBlock(blocks.get(root.toString()) ?? new Uint8Array(0))
  if (Buffer.compare(index.archive, context.key.publicKey) !== 0) return undefined
  const part = await readLogPart(index, context.key.publicKey)
  return part && { ...part, bytesOf: blocks }
}

function patient({ timeoutMs }: Context, signal: AbortSignal | undefined): AbortSignal {
  const patience = AbortSignal.timeout(timeoutMs)
  return signal ? AbortSignal.any([signal, patience]) : patience
}

/** A longer log need not begin with ours. Where its entries reach back into ours, that is seen. */
async function leadsElsewhere({ catalog }: Context, { first, blocks, bytesOf, checkpoint }: Part): Promise<boolean> {
  const ours = await catalog.logSize()
  if (first > ours) return false
  const entries = blocks.flatMap((cid) => [...readLogBlock(bytesOf.get(cid.toString()) ?? new Uint8Array(0))])
  if (first + entries.length !== checkpoint.size) return false
  const own = await catalog.logRows({ after: first - 1, limit: entries.length })
  if (own.some(({ bytes }, index) => Buffer.compare(bytes, entries[index] ?? new Uint8Array(0)) !== 0)) return true
  const grown = grow(first, await edgeOf(catalog, first), entries.map(leafHash))
  return Buffer.compare(rootOf(grown.edge), checkpoint.root) !== 0
}
