/** What a scan found, as the later steps of a recovery go through it: page by page, counting only the keys whose statements count. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, FoundLog } from '../contracts.ts'
import { toMultikey } from '../format/sign.ts'
import { type History, type HistoryRow, newest } from '../policy/history.ts'
import type { Context } from './context.ts'

const PAGE = 200

/** Keys whose statements count. */
export type Accepted = ReadonlySet<string>

/** A statement as the history sees it, and where it was found. */
export interface Row extends HistoryRow {
  readonly cid: CID
  readonly pack: CID
}

/** What is true of a root, by the keys that count; undefined: they say nothing of it. */
export async function historyOf(context: Pick<Context, 'catalog'>, root: CID, accepted: Accepted): Promise<History<Row> | undefined> {
  const found = await context.catalog.foundHistory(root)
  const rows = found.flatMap(({ cid, kind, archive, sequence, at, previous, shred, pack }): readonly Row[] =>
    kind === 'succession' || !accepted.has(toMultikey(archive))
      ? []
      : [{ id: cid.toString(), cid, pack, kind, sequence, at, shred, previous: previous?.toString() }],
  )
  return rows.length === 0 ? undefined : newest(rows)
}

/** Roots that anybody signed anything of, page by page. */
export async function* rootsOf({ catalog }: Pick<Context, 'catalog'>, { signal }: AbortOptions): AsyncGenerator<readonly CID[]> {
  for (let after: CID | undefined; ; ) {
    signal?.throwIfAborted()
    const page = await catalog.foundRoots({ after, limit: PAGE })
    if (page.length > 0) yield page
    after = page.at(-1)
    if (page.length < PAGE) return
  }
}

export type WholeIndexPack = {
  readonly name: CID
  readonly root: CID
  readonly toc: Uint8Array
  readonly byteLength: number
  readonly blockCount: number
  readonly lasting: boolean
  readonly logOnly: boolean
  readonly log: FoundLog | undefined
  /** The key that its index block names. */
  readonly archive: string
}

/** Page by page. */
export async function* indexPacksOf(
  { catalog }: Pick<Context, 'catalog'>,
  { accepted, signal }: AbortOptions & { readonly accepted: Accepted },
): AsyncGenerator<readonly WholeIndexPack[]> {
  for (let after: CID | undefined; ; ) {
    signal?.throwIfAborted()
    const page = await catalog.readIndexPacks({ after, limit: PAGE })
    const own = page.flatMap(({ archive: key, name, whole, root, toc, byteLength, blockCount, lasting, logOnly, log }) => {
      const archive = key && toMultikey(key)
      return whole && root && toc && archive && accepted.has(archive)
        ? [{ name, root, toc, byteLength, blockCount, lasting, logOnly, log, archive }]
        : []
    })
    if (own.length > 0) yield own
    after = page.at(-1)?.name
    if (page.length < PAGE) return
  }
}
