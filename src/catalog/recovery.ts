/** What a recovery found in vaults: kept while it lasts, and asked for what is newest. Every page goes by the bytes of a name. */
import type { CID } from 'multiformats/cid'
import type { Catalog, FoundBatch, FoundLogPart, FoundStatement, ReadIndexPack } from '../contracts.ts'
import { batchesOf, PAGE_LENGTH } from './batches.ts'
import { listings } from './recovery-listed.ts'
import { cidOf, keyOf, plain } from './rows.ts'
import { type Database, type Session, write } from './schema.ts'

const ROWS_AT_ONCE = 64
const START = new Uint8Array(0)
/** Forks that are told. */
const FORKS = 10

type Recovering = Pick<
  Catalog,
  | 'recoveryNote'
  | 'setRecoveryNote'
  | 'beginListing'
  | 'stageListed'
  | 'unreadIndexPacks'
  | 'stageFound'
  | 'foundArchives'
  | 'foundSuccessions'
  | 'foundRoots'
  | 'foundHistory'
  | 'foundBytes'
  | 'signerOf'
  | 'listedAt'
  | 'orphans'
  | 'readIndexPacks'
  | 'foundLogParts'
  | 'foundLogForks'
  | 'foundLogSize'
  | 'keepIndexPacks'
  | 'endRecovery'
>

export function recovering(db: Database): Recovering {
  return {
    ...notes(db),
    ...listings(db),
    ...findings(db),
    ...logFindings(db),
    endRecovery: () =>
      write(db, async (session) => {
        for (const table of ['notes', 'listed', 'packs', 'statements', 'blocks', 'names'] as const)
          await session.deleteFrom(`recovery_${table}`).execute()
      }),
  }
}

function notes(db: Database): Pick<Recovering, 'recoveryNote' | 'setRecoveryNote'> {
  return {
    recoveryNote: async (name) => (await db.selectFrom('recovery_notes').select('text').where('name', '=', name).executeTakeFirst())?.text,

    setRecoveryNote: async (name, text) => {
      await db
        .insertInto('recovery_notes')
        .values({ name, text })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ text }))
        .execute()
    },
  }
}

type Findings =
  | 'stageFound'
  | 'foundArchives'
  | 'foundSuccessions'
  | 'foundRoots'
  | 'foundHistory'
  | 'foundBytes'
  | 'signerOf'
  | 'readIndexPacks'
  | 'keepIndexPacks'

function findings(db: Database): Pick<Recovering, Findings> {
  return {
    stageFound: (batch) => write(db, (session) => stageFound(session, batch)),

    foundArchives: async () => {
      const rows = await db
        .selectFrom('recovery_statements')
        .select(['archive', 'kind'])
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('kind', '!=', 'succession')
        .groupBy(['archive', 'kind'])
        .execute()
      const byArchive = [...Map.groupBy(rows, ({ archive }) => keyOf(archive)).values()]
      const countOf = (own: typeof rows, kind: string) => Number(own.find((row) => row.kind === kind)?.count ?? 0)
      return byArchive
        .map((own) => ({
          archive: plain(own[0]?.archive ?? START),
          records: countOf(own, 'record'),
          tombstones: countOf(own, 'tombstone'),
        }))
        .sort((a, b) => b.records - a.records)
    },

    foundSuccessions: async () => {
      const rows = await db.selectFrom('recovery_statements').select('bytes').where('root', '=', START).limit(PAGE_LENGTH).execute()
      return rows.map(({ bytes }) => plain(bytes))
    },

    foundRoots: async ({ after, limit = PAGE_LENGTH } = {}) => {
      const rows = await db
        .selectFrom('recovery_statements')
        .select('root')
        .distinct()
        .where('root', '>', after?.bytes ?? START)
        .orderBy('root')
        .limit(limit)
        .execute()
      return rows.map(({ root }) => cidOf(root))
    },

    foundHistory: async (root) => {
      const rows = await db
        .selectFrom('recovery_statements')
        .select(['cid', 'kind', 'archive', 'sequence', 'at', 'previous', 'shred', 'pack'])
        .where('root', '=', root.bytes)
        .execute()
      return rows.map((row) => ({
        cid: cidOf(row.cid),
        kind: row.kind,
        archive: plain(row.archive),
        root,
        sequence: Number(row.sequence),
        at: Number(row.at),
        ...(row.previous !== null && { previous: cidOf(row.previous) }),
        shred: Number(row.shred) === 1,
        pack: cidOf(row.pack),
      }))
    },

    foundBytes: async (cid) => {
      const block = await db.selectFrom('recovery_blocks').select('bytes').where('cid', '=', cid.bytes).executeTakeFirst()
      const found = block ?? (await db.selectFrom('recovery_statements').select('bytes').where('cid', '=', cid.bytes).executeTakeFirst())
      return found && plain(found.bytes)
    },

    signerOf: async (record) => {
      const row = await db.selectFrom('recovery_statements').select('archive').where('cid', '=', record.bytes).executeTakeFirst()
      return row && plain(row.archive)
    },

    readIndexPacks: async ({ after, limit = PAGE_LENGTH } = {}) => {
      const rows = await db
        .selectFrom('recovery_packs')
        .selectAll()
        .where('name', '>', after?.bytes ?? START)
        .orderBy('name')
        .limit(limit)
        .execute()
      return rows.map((row) => ({
        name: cidOf(row.name),
        whole: Number(row.whole) === 1,
        ...(row.archive !== null && { archive: plain(row.archive) }),
        ...(row.root !== null && { root: cidOf(row.root) }),
        ...(row.toc !== null && { toc: plain(row.toc) }),
        byteLength: Number(row.byte_length),
        blockCount: Number(row.block_count),
        lasting: Number(row.lasting) === 1,
        logOnly: Number(row.log_only) === 1,
        ...(row.log_first !== null && { log: { first: Number(row.log_first), size: Number(row.log_size), treeRoot: row.log_root ?? '' } }),
      }))
    },

    keepIndexPacks: async (names) => {
      for (const batch of batchesOf(names.map(({ bytes }) => bytes)))
        await db.updateTable('recovery_packs').set({ lasting: 1 }).where('name', 'in', batch).execute()
    },
  }
}

function logFindings(db: Database): Pick<Recovering, 'foundLogParts' | 'foundLogForks' | 'foundLogSize'> {
  const carrying = (archives: readonly Uint8Array[]) =>
    db.selectFrom('recovery_packs').where('whole', '=', 1).where('log_first', 'is not', null).where('archive', 'in', archives)
  return {
    foundLogParts: async (archives) => {
      const longest = await carrying(archives)
        .select('log_first')
        .select(({ fn }) => fn.max('log_size').as('size'))
        .groupBy('log_first')
        .orderBy('log_first')
        .execute()
      const parts: FoundLogPart[] = []
      for (const { log_first, size } of longest) {
        const row = await carrying(archives)
          .selectAll()
          .where('log_first', '=', log_first)
          .where('log_size', '=', size)
          .orderBy('log_only', 'desc')
          .limit(1)
          .executeTakeFirst()
        if (!row || row.root === null || row.archive === null) continue
        const log = { first: Number(row.log_first), size: Number(row.log_size), treeRoot: row.log_root ?? '' }
        parts.push({
          name: cidOf(row.name),
          root: cidOf(row.root),
          archive: plain(row.archive),
          logOnly: Number(row.log_only) === 1,
          ...log,
        })
      }
      return parts
    },

    foundLogForks: async (archives) => {
      const rows = await carrying(archives)
        .select('log_size')
        .groupBy('log_size')
        .having(({ fn }) => fn.count('log_root').distinct(), '>', 1)
        .orderBy('log_size')
        .limit(FORKS)
        .execute()
      return rows.map(({ log_size }) => Number(log_size))
    },

    foundLogSize: async (vault, archives) => {
      const row = await carrying(archives)
        .innerJoin('recovery_listed', (join) =>
          join.onRef('recovery_listed.name', '=', 'recovery_packs.name').on('recovery_listed.kind', '=', 'index'),
        )
        .select(({ fn }) => fn.max('log_size').as('size'))
        .where('recovery_listed.vault', '=', vault)
        .executeTakeFirst()
      return Number(row?.size ?? 0)
    },
  }
}

async function stageFound(session: Session, { packs = [], statements = [], blocks = [] }: FoundBatch): Promise<void> {
  for (const { cid, bytes } of blocks)
    await session
      .insertInto('recovery_blocks')
      .values({ cid: cid.bytes, bytes })
      .onConflict((conflict) => conflict.column('cid').doNothing())
      .execute()
  for (const statement of statements) await stageStatement(session, statement)
  const names = [
    ...new Map(statements.flatMap((each) => each.names.map((name): readonly [string, CID] => [name.toString(), name]))).values(),
  ]
  for (const batch of batchesOf(names, ROWS_AT_ONCE))
    await session
      .insertInto('recovery_names')
      .values(batch.map(({ bytes }) => ({ name: bytes })))
      .onConflict((conflict) => conflict.column('name').doNothing())
      .execute()
  for (const pack of packs) await stagePack(session, pack)
}

async function stageStatement(session: Session, found: FoundStatement): Promise<void> {
  const { cid, kind, archive, root, sequence, at, previous, shred = false, pack, bytes } = found
  await session
    .insertInto('recovery_statements')
    .values({
      cid: cid.bytes,
      kind,
      archive,
      root: root?.bytes ?? START,
      sequence,
      at,
      previous: previous?.bytes ?? null,
      shred: shred ? 1 : 0,
      pack: pack.bytes,
      bytes,
    })
    .onConflict((conflict) => conflict.column('cid').doNothing())
    .execute()
}

/** Whole once is whole, whatever another vault has under that name. */
async function stagePack(session: Session, pack: ReadIndexPack): Promise<void> {
  const { name, whole, archive, root, toc, byteLength, blockCount, lasting, logOnly, log } = pack
  const values = {
    whole: whole ? (1 as const) : (0 as const),
    archive: archive ?? null,
    root: root?.bytes ?? null,
    toc: toc ?? null,
    byte_length: byteLength,
    block_count: blockCount,
    lasting: lasting ? (1 as const) : (0 as const),
    log_only: logOnly ? (1 as const) : (0 as const),
    log_first: log?.first ?? null,
    log_size: log?.size ?? null,
    log_root: log?.treeRoot ?? null,
  }
  await session
    .insertInto('recovery_packs')
    .values({ name: name.bytes, ...values })
    .onConflict((conflict) => conflict.column('name').doUpdateSet(values).where('recovery_packs.whole', '=', 0))
    .execute()
}
