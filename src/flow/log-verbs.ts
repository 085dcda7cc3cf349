/** The verbs of the log, bound to an archive. */
import type { AbortOptions, LoggedEntry, LogVerbs } from '../contracts.ts'
import { decodeEntry } from '../format/log-entry.ts'
import type { Context } from './context.ts'
import { checkpointOf } from './log-tree.ts'

const PAGE = 500

export function logVerbs(context: Context): LogVerbs {
  return {
    logCheckpoint: async () => (await checkpointOf(context)).note,
    logEntries: (options) => logEntries(context, options),
    proveInclusion: async (index, { size } = {}) => (await import('./seldom.ts')).proveInclusion(context, index, size),
    proveConsistency: async (size1, size2) => (await import('./seldom.ts')).proveConsistency(context, size1, size2),
    verifyLog: async (options) => {
      const { verifyLog } = await import('./seldom.ts')
      return verifyLog({ catalog: context.catalog, publicKey: context.key.publicKey }, options)
    },
    checkHistory: async (options) => (await import('./seldom.ts')).checkHistory(context, options),
    checkAgainst: async (checkpoint) => (await import('./seldom.ts')).checkAgainst(context, checkpoint),
    publishLog: async (options) => (await import('./seldom.ts')).publishCheckpoint(context, options),
  }
}

/** Entries in order, page by page. */
export async function* logEntries(
  { catalog }: Pick<Context, 'catalog'>,
  { after = -1, signal }: AbortOptions & { readonly after?: number | undefined } = {},
): AsyncGenerator<LoggedEntry> {
  for (let last = after; ; ) {
    signal?.throwIfAborted()
    const page = await catalog.logRows({ after: last, limit: PAGE })
    for (const { index, bytes } of page) yield { index, entry: decodeEntry(bytes) }
    if (page.length < PAGE) return
    last = page.at(-1)?.index ?? last
  }
}
