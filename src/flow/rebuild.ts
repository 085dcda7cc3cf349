/** Bringing a pack back into the spool, block by block, from whichever replicas still have it; every byte was hashed just before it is written. */
import type { AbortOptions, PackRow } from '../contracts.ts'
import { ArchiveError } from '../errors.ts'
import { carHeader, sectionPrefix } from '../format/pack.ts'
import { blockReader } from './block-reader.ts'
import type { Context } from './context.ts'
import { fileWriter } from './file-writer.ts'
import { readAhead } from './read-ahead.ts'
import { spansOf } from './spans.ts'
import { whileSpaceLasts } from './spool.ts'

/** Resolves when the pack's CAR lies whole in the spool. Throws `unavailable` naming the block that no replica could give. */
export async function ensureSpooled(context: Context, pack: PackRow, options: AbortOptions = {}): Promise<void> {
  await assertNotShredded(context, pack)
  if (await context.spool.has(pack.name)) return
  const work = () => whileSpaceLasts('Replicas are as they were', () => rebuild(context, pack, options))
  const running = context.rebuilding.get(pack.id) ?? work().finally(() => context.rebuilding.delete(pack.id))
  context.rebuilding.set(pack.id, running)
  await running
}

/** Throws `shredded` for headers that were deleted on purpose. */
async function assertNotShredded(context: Context, pack: PackRow): Promise<void> {
  if (!pack.erasable || !(await context.catalog.isShredded(pack.id))) return
  throw new ArchiveError('shredded', `pack ${pack.name} holds headers that were shredded; it is not brought back`)
}

/** Shredding may have begun while the headers were on their way into the spool. */
async function withdrawShredded(context: Context, pack: PackRow): Promise<void> {
  try {
    await assertNotShredded(context, pack)
  } catch (error) {
    await context.catalog.unspooled(pack.id)
    await context.spool.remove(pack.name)
    throw error
  }
}

async function rebuild(context: Context, pack: PackRow, options: AbortOptions): Promise<void> {
  const { catalog, spool } = context
  const spans = await spansOf(context, pack)
  const reader = blockReader(context, { visibility: pack.visibility, prefer: 'cheap' })
  const part = await spool.part()
  try {
    const writer = fileWriter(part.file, 0)
    await writer.write(carHeader(pack.root))
    for await (const { span, bytes } of readAhead(reader, pack, spans, options)) {
      await writer.write(sectionPrefix(span.cid, bytes.byteLength), bytes)
    }
    await writer.flush()
    await part.file.datasync()
    await spool.publish(part, pack.name)
    await catalog.spooled(pack.id)
    await withdrawShredded(context, pack)
  } finally {
    await part.file.close()
    await spool.settle([part])
  }
}
