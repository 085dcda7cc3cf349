/**
 * What contradicts the log stops everything that enters or publishes. The newest checkpoint that was published lies beside the catalog as well, so that a catalog
 * that was put back alone is noticed before it goes on; of a whole folder that was put back the vaults tell.
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CheckedCheckpoint } from '../contracts.ts'
import { ArchiveError } from '../errors.ts'
import type { Context } from './context.ts'
import { judgeCheckpoint } from './log-tree.ts'

/** The file beside the catalog. */
export const WITNESS = 'log.checkpoint'
const compared = new WeakSet<object>()

/** Throws when the log was found rolled back or forked: whatever is entered or published now would make it worse. */
export async function assertHistory(context: Context): Promise<void> {
  if (!compared.has(context)) {
    await remember(context, await witnessed(context))
    compared.add(context)
  }
  await assertNoAlarm(context)
}

/** The same by what is known already. */
export async function assertNoAlarm({ catalog }: Pick<Context, 'catalog'>): Promise<void> {
  const alarm = await catalog.logAlarm()
  if (!alarm) return
  throw new ArchiveError(
    alarm.verdict,
    `nothing is entered or published: ${alarm.detail}. Run \`perdure recover\` to rebuild the catalog from the vaults, or put the newest catalog back`,
  )
}

/** Remembers a contradiction, once. */
export async function remember(context: Context, found: (CheckedCheckpoint & { readonly vault?: string }) | undefined): Promise<void> {
  if (found?.verdict !== 'rolled-back' && found?.verdict !== 'forked') return
  const { verdict, checkpoint, detail = verdict } = found
  const alarm = await context.catalog.logAlarm()
  if (alarm?.checkpoint === checkpoint && alarm.verdict === verdict) return
  await context.catalog.raiseLogAlarm({ verdict, checkpoint, detail, at: context.clock() })
  const known = await context.catalog.logSize()
  await context.events.emit({ type: `history-${verdict}`, source: found.vault ?? 'checkpoint', known, found: found.size ?? 0 })
}

/** Keeps a published checkpoint beside the catalog. Nothing depends on it: a file that cannot be written, or is torn by a power loss, only shows nothing. */
export async function keepWitness({ path }: Pick<Context, 'path'>, note: string): Promise<void> {
  const file = join(path, WITNESS)
  try {
    await writeFile(`${file}.${process.pid}.part`, note, { mode: 0o600 })
    await rename(`${file}.${process.pid}.part`, file)
  } catch {
    return
  }
}

/** After a recovery: what is known now is the log, whatever was signed that nobody has any more. What a vault still shows of it is noticed anew. */
export async function acceptHistory({ path, catalog, clock }: Pick<Context, 'path' | 'catalog' | 'clock'>): Promise<void> {
  await rm(join(path, WITNESS), { force: true })
  await catalog.clearLogAlarms(clock())
}

/** Read before the catalog is looked at, which only grows: whoever publishes at this moment contradicts nobody. */
async function witnessed(context: Context): Promise<CheckedCheckpoint | undefined> {
  const note = await readFile(join(context.path, WITNESS), 'utf8').catch(() => undefined)
  return note === undefined ? undefined : judgeCheckpoint({ catalog: context.catalog, publicKey: context.key.publicKey }, note)
}
