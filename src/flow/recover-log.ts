/** The log comes back with the records: what of it lies in index packs, checked against the checkpoints that the archive signed, and what it says that no record shows. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, FreshnessCheck, RecoverReport } from '../contracts.ts'
import { ArchiveError, CatalogError, FormatError } from '../errors.ts'
import { coverLog, type LogPart, readLogPart } from '../format/log-blocks.ts'
import { readIndexBlock } from '../format/record.ts'
import { fromMultikey } from '../format/sign.ts'
import type { Context } from './context.ts'
import { restoreLog } from './log-restore.ts'
import { type Accepted, historyOf } from './recover-found.ts'
import type { Tally } from './recover-tally.ts'

const PAGE = 500
/** Entries that say that an object is there. */
const STORED: ReadonlySet<string> = new Set(['write', 'repair', 'recipients'])

/** The log as vaults show it. */
export interface ShownLog {
  /** Size of the newest checkpoint; 0 where there is none. */
  readonly size: number
  readonly chain: readonly LogPart[]
  /** Names of index packs that are segments: they are kept for good. */
  readonly segments: ReadonlySet<string>
  /** What is wrong with it; the checkpoint is one that contradicts what can be restored. */
  readonly faults: readonly { readonly detail: string; readonly checkpoint?: string | undefined; readonly forked: boolean }[]
}

export const NO_LOG: ShownLog = { size: 0, chain: [], segments: new Set(), faults: [] }

const keysOf = (accepted: Accepted): readonly Uint8Array[] => [...accepted].map(fromMultikey)

/** Which index packs make the longest log of these keys. */
export async function shownLog({ catalog }: Pick<Context, 'catalog'>, accepted: Accepted): Promise<ShownLog> {
  const names = new Map<LogPart, { readonly name: string; readonly logOnly: boolean }>()
  for (const { name, root, archive, logOnly } of await catalog.foundLogParts(keysOf(accepted))) {
    const part = await readLogPart(readIndexBlock(await bytesOf(catalog, root)), archive)
    if (part) names.set(part, { name: name.toString(), logOnly })
  }
  const { newest, chain, gap, forked } = coverLog(names.keys())
  const forks = new Set([...(await catalog.foundLogForks(keysOf(accepted))), ...(forked ? [forked[0].checkpoint.size] : [])])
  // What another part begins at the end of is a segment; the last one may be one, too, and is written anew then.
  const segments = chain.slice(0, -1).flatMap((part) => {
    const found = names.get(part)
    return found?.logOnly ? [found.name] : []
  })
  return {
    size: newest?.checkpoint.size ?? 0,
    chain,
    segments: new Set(segments),
    faults: [
      ...[...forks].map((size) => ({
        detail: `two logs of ${size} entries were signed: two copies of the archive were at work, or one was put back`,
        checkpoint: newest?.note,
        forked: true,
      })),
      ...(gap
        ? [
            {
              detail: `entries ${gap.first} to ${gap.size} of the log are in no index pack that could be read`,
              checkpoint: newest?.note,
              forked: false,
            },
          ]
        : []),
    ],
  }
}

/** Enters it as far as it goes. Resolves to what is wrong with it. */
export async function enterLog(context: Context, shown: ShownLog, { signal }: AbortOptions): Promise<ShownLog['faults']> {
  const { catalog, clock, key } = context
  if (shown.chain.length === 0) return shown.faults
  try {
    await restoreLog({ catalog, clock, publicKey: key.publicKey }, shown.chain, (cid) => bytesOf(catalog, cid), { signal })
    return shown.faults
  } catch (error) {
    const forked = error instanceof ArchiveError && error.code === 'forked'
    if (!forked && !(error instanceof FormatError)) throw error
    return [...shown.faults, { detail: error.message, checkpoint: shown.chain.at(-1)?.note, forked }]
  }
}

/** A block that was found. */
async function bytesOf(catalog: Context['catalog'], cid: CID): Promise<Uint8Array> {
  const bytes = await catalog.foundBytes(cid)
  if (!bytes) throw new CatalogError('corrupt', `block ${cid} was found and is gone; recover again`)
  return bytes
}

/** Objects that the log says were stored, and that nothing else speaks of: their records were withheld or lost. */
export async function compareWithLog(
  context: Context,
  { accepted, tally, signal }: AbortOptions & { readonly accepted: Accepted; readonly tally: Tally },
): Promise<void> {
  const { catalog } = context
  for (let after = -1; ; ) {
    signal?.throwIfAborted()
    const page = await catalog.logRows({ after, limit: PAGE })
    for (const { index, kind, root } of page) {
      if (!root || !STORED.has(kind) || (await catalog.lastLogged(root))?.index !== index) continue
      if (await isAccountedFor(context, root, accepted)) continue
      const reason = 'the log says that it was stored, and no vault that was read has a record of it, or of its removal'
      tally.incomplete.add({ root: root.toString(), missing: [], reason })
    }
    const last = page.at(-1)
    if (!last || page.length < PAGE) return
    after = last.index
  }
}

async function isAccountedFor(context: Context, root: CID, accepted: Accepted): Promise<boolean> {
  const { catalog } = context
  if ((await catalog.object(root)) || (await catalog.shredOf(root)) || (await catalog.successorOf(root))) return true
  // It was ended, or has a record and was reported already.
  return (await historyOf(context, root, accepted)) !== undefined
}

/** What each vault's newest checkpoint says, where several were read: one that lags behind withholds something, or missed it. */
export async function vaultLogs(
  { catalog }: Pick<Context, 'catalog'>,
  listed: ReadonlySet<string>,
  accepted: Accepted,
): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>()
  for (const vault of listed) sizes.set(vault, await catalog.foundLogSize(vault, keysOf(accepted)))
  return sizes
}

/** The part of the report. */
export const logReport = (size: number, faults: ShownLog['faults']): RecoverReport['log'] => ({
  size,
  complete: faults.length === 0,
  faults: faults.map(({ detail }) => detail),
})

export const logChecks = (faults: ShownLog['faults']): readonly FreshnessCheck[] =>
  faults.map(({ detail }) => ({ kind: 'log', of: 'log', holds: false, detail }))
