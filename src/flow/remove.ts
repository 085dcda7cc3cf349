/** Forgetting: objects, then the packs that nobody refers to any more, in vaults that can forget. What stays is named. */
import type { AbortOptions, ObjectRow, PackId, PruneReport, RemoveReport } from '../contracts.ts'
import { ArchiveError } from '../errors.ts'
import { type Context, packRow } from './context.ts'
import { dropGarbage, type Kept, planGarbage, type Removed } from './garbage.ts'
import { appendLog } from './log.ts'
import { assertHistory } from './log-alarm.ts'
import { publishTombstone } from './publish.ts'

const PAGE = 200

/** Forgets one object. Packs that other objects share stay; a signed tombstone tells a later recovery that it was on purpose. */
export async function remove(context: Context, object: ObjectRow, options: AbortOptions = {}): Promise<RemoveReport> {
  await assertShredDone(context, object)
  await logRemoval(context, object)
  await publishTombstone(context, object, options)
  const { garbage, shared } = await forget(context, object)
  const removed: (Removed & { readonly vault: string })[] = []
  const kept: Kept[] = []
  for (const id of shared)
    kept.push({ pack: (await packRow(context, id)).name.toString(), reason: 'other objects use blocks of this pack' })
  for (const id of garbage) {
    const done = await dropGarbage(context, await packRow(context, id), options)
    removed.push(...done.removed)
    kept.push(...done.kept)
  }
  return { root: object.root.toString(), removed, kept }
}

/** Once, however often a removal that died is taken up again. */
async function logRemoval(context: Context, { root }: ObjectRow): Promise<void> {
  await assertHistory(context)
  if ((await context.catalog.lastLogged(root))?.kind !== 'remove') await appendLog(context, [{ kind: 'remove', root: root.toString() }])
}

async function forget({ catalog, events }: Context, { id, root }: ObjectRow): ReturnType<Context['catalog']['forget']> {
  const announcements = events.announcements([{ type: 'object-removed', root: root.toString() }])
  const left = await catalog.forget(id, announcements)
  events.tell(announcements.map(({ event }) => event))
  return left
}

/** Forgotten before its headers are gone, it could not be shredded to the end. */
async function assertShredDone({ catalog }: Context, { root, shreddedAt }: ObjectRow): Promise<void> {
  if (shreddedAt === undefined || (await catalog.shredOf(root))?.complete) return
  throw new ArchiveError(
    'shredded',
    `${root} is being shredded, and not every vault has reported its headers absent; \`perdure shred ${root}\` goes on, and then rm may follow`,
  )
}

/** Removes garbage packs, superseded index packs and what dead processes left in the spool; with `plan`, only says what it would remove. */
export async function prune(context: Context, options: AbortOptions & { readonly plan?: boolean | undefined } = {}): Promise<PruneReport> {
  const { catalog, spool } = context
  const { plan = false, signal } = options
  const removed: (Removed & { readonly reason: string })[] = []
  const kept: Kept[] = []
  if (!plan) await spool.collect()
  for (let after: PackId = 0; ; ) {
    const page = await catalog.garbage({ after, limit: PAGE })
    for (const pack of page) {
      signal?.throwIfAborted()
      const reason = pack.kind === 'index' ? 'superseded by newer records' : 'no object refers to it'
      const done = plan ? await planGarbage(context, pack) : await dropGarbage(context, pack, options)
      removed.push(...done.removed.map((one) => ({ ...one, reason })))
      kept.push(...done.kept)
    }
    const last = page.at(-1)
    if (!last || page.length < PAGE) return { planned: plan, removed, kept }
    after = last.id
  }
}
