/** The first half of a recovery: everything that vaults list is noted, and every index pack is read once, from whichever vault has it whole. */
import type {
  AbortOptions,
  FoundBatch,
  FoundStatement,
  Listed,
  ListedPack,
  ReadIndexPack,
  RecoveredVault,
  RecoverOptions,
  Vault,
} from '../contracts.ts'
import { VaultError } from '../errors.ts'
import { type Context, eachOf, tell } from './context.ts'
import { readIndexPack } from './recover-read.ts'
import type { Tally } from './recover-tally.ts'

const PAGE = 500
/** Index packs that are read at the same time: each may hold a window and a block in memory. */
const WIDTH = 8
const BATCH_BYTES = 4 * 1024 * 1024
const BATCH_ITEMS = 512

type ScanContext = Pick<Context, 'catalog' | 'vaults' | 'timeoutMs' | 'unopened'>
type ScanOptions = Pick<RecoverOptions, 'signal' | 'onProgress'>

/** Lists every vault and reads what was not read before. A vault that fails is reported; throws its error when all of them do. */
export async function scan(
  context: ScanContext,
  from: readonly string[],
  tally: Tally,
  options: ScanOptions,
): Promise<readonly RecoveredVault[]> {
  const vaults: RecoveredVault[] = []
  const failures: Error[] = []
  for (const id of from) {
    try {
      vaults.push(await list(context, id, options))
    } catch (error) {
      options.signal?.throwIfAborted()
      if (!(error instanceof VaultError)) throw error
      failures.push(error)
      vaults.push({ vault: id, indexPacks: 0, contentPacks: 0, error: error.message })
    }
  }
  if (failures[0] && failures.length === from.length) throw failures[0]
  await readAll(context, tally, options)
  return vaults
}

async function list({ catalog, vaults, unopened }: ScanContext, id: string, { signal, onProgress }: ScanOptions): Promise<RecoveredVault> {
  const failure = unopened.get(id)
  if (failure) throw failure
  const vault = vaults.get(id)
  if (!vault?.list) throw new VaultError('unsupported', id, 'this vault cannot list what it holds; recover from one that can')
  if (vault.profile.addressing !== 'offset')
    throw new VaultError('unsupported', id, 'this vault keeps DAGs, not packs; recover from one that keeps packs')
  await catalog.beginListing(id)
  const counts = { index: 0, content: 0 }
  let batch: Listed[] = []
  for await (const listed of vault.list({ signal })) {
    counts[listed.kind]++
    batch.push(listed)
    if (batch.length < BATCH_ITEMS) continue
    await catalog.stageListed(id, batch)
    batch = []
  }
  await catalog.stageListed(id, batch)
  tell(onProgress, { type: 'listed', vault: id, indexPacks: counts.index, contentPacks: counts.content })
  return { vault: id, indexPacks: counts.index, contentPacks: counts.content }
}

async function readAll(context: ScanContext, tally: Tally, options: ScanOptions): Promise<void> {
  const stage = stager(context)
  for (let after: ListedPack['name'] | undefined; ; ) {
    const page = await context.catalog.unreadIndexPacks({ after, limit: PAGE })
    await eachOf(page, WIDTH, (pack) => readOne(context, pack, { ...options, stage, tally }))
    await stage.flush()
    after = page.at(-1)?.name
    if (page.length < PAGE) return
  }
}

interface Reading extends ScanOptions {
  readonly stage: Stager
  readonly tally: Tally
}

/** The places are asked one after the other until one has it whole. */
async function readOne(context: ScanContext, listed: ListedPack, { stage, tally, signal, onProgress }: Reading): Promise<void> {
  signal?.throwIfAborted()
  const pack = listed.name.toString()
  let whole = false
  for (const { vault: id, locator } of listed.places) {
    const vault = context.vaults.get(id)
    if (whole || !vault) continue
    const reason = await tryOne(context, listed, { vault, locator }, { stage, tally, signal })
    whole = reason === undefined
    if (reason !== undefined) tally.unread.add({ vault: id, pack, reason })
  }
  tell(onProgress, { type: 'index-pack-read', pack, whole })
}

/** Resolves to what was wrong, or undefined. */
async function tryOne(
  { timeoutMs }: ScanContext,
  listed: ListedPack,
  place: { readonly vault: Vault; readonly locator: string },
  { stage, tally, signal }: Pick<Reading, 'stage' | 'tally'> & AbortOptions,
): Promise<string | undefined> {
  const refused = (statement: { toString(): string }, reason: string) =>
    tally.refused.add({ pack: listed.name.toString(), statement: statement.toString(), reason })
  try {
    const { pack, damage } = await readIndexPack(listed, place, { found: stage.add, refused }, { timeoutMs, signal })
    await stage.add({ packs: [pack] })
    return damage
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof VaultError)) throw error
    return error.message
  }
}

interface Stager {
  add(batch: FoundBatch): Promise<void>
  flush(): Promise<void>
}

/** Gathers what is found into few transactions, in the order it came: a pack is noted as read after what was in it. */
function stager({ catalog }: Pick<Context, 'catalog'>): Stager {
  let packs: ReadIndexPack[] = []
  let statements: FoundStatement[] = []
  let blocks: { readonly cid: ListedPack['name']; readonly bytes: Uint8Array }[] = []
  let bytes = 0
  let writing: Promise<void> = Promise.resolve()
  const flush = (): Promise<void> => {
    const batch = { packs, statements, blocks }
    const empty = packs.length + statements.length + blocks.length === 0
    packs = []
    statements = []
    blocks = []
    bytes = 0
    if (!empty) writing = writing.then(() => catalog.stageFound(batch))
    return writing
  }
  return {
    async add(batch) {
      packs.push(...(batch.packs ?? []))
      statements.push(...(batch.statements ?? []))
      blocks.push(...(batch.blocks ?? []))
      for (const each of [...(batch.statements ?? []), ...(batch.blocks ?? [])]) bytes += each.bytes.byteLength
      if (bytes >= BATCH_BYTES || packs.length + statements.length + blocks.length >= BATCH_ITEMS) await flush()
    },
    flush,
  }
}
