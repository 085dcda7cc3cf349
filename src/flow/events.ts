/**
 * Events: what happened, told once. A change of the catalog and the event that tells of it become durable together; listeners of this process hear of it
 * afterwards, hooks when they are delivered to.
 */
import type {
  Announcement,
  ArchiveEvent,
  ArchiveFact,
  ArchiveListener,
  Catalog,
  Clock,
  HookConfig,
  Missing,
  StandingChange,
  Unmet,
} from '../contracts.ts'
import { eventOf, isAtLeast } from './event-facts.ts'

const MAX_WAITING = 10_000
const MOST_UNMET = 16

export interface Events {
  /**
   * Logs facts, queues them for hooks and tells listeners of those that are new. Resolves when they are durable; rejects with CatalogError, which may be
   * left unhandled.
   */
  emit(...facts: readonly ArchiveFact[]): Promise<void>
  subscribe(listener: ArchiveListener): () => void
  /** Facts as a write of the catalog takes them; the events that it resolves to are then to be told. */
  announcements(facts: readonly ArchiveFact[]): readonly Announcement[]
  /** Tells listeners of what has become durable. */
  tell(events: readonly ArchiveEvent[]): void
}

/** Who listens, in this process and outside. */
export function createEvents(catalog: Pick<Catalog, 'announce'>, hooks: readonly HookConfig[], clock: Clock): Events {
  const listeners = new Set<ArchiveListener>()
  const announcements = (facts: readonly ArchiveFact[]) => {
    const at = clock()
    return facts.map((fact): Announcement => {
      const event = eventOf(fact, at)
      const wanted = hooks.filter((hook) => wants(hook, event))
      return { event, hooks: wanted.map(({ id, maxWaiting = MAX_WAITING }) => ({ id, maxWaiting })) }
    })
  }
  const tell = (events: readonly ArchiveEvent[]) => {
    for (const event of events) for (const listener of [...listeners]) tellOne(listener, event)
  }
  const emit = async (facts: readonly ArchiveFact[]) => {
    if (facts.length > 0) tell(await catalog.announce(announcements(facts)))
  }
  return {
    emit: (...facts) => {
      const work = emit(facts)
      // Whoever does not wait for it must not be ended by it.
      work.catch(() => undefined)
      return work
    },
    subscribe: (listener) => {
      // Two subscriptions of one function are two.
      const own: ArchiveListener = (event) => listener(event)
      listeners.add(own)
      return () => void listeners.delete(own)
    },
    announcements,
    tell,
  }
}

function tellOne(listener: ArchiveListener, event: ArchiveEvent): void {
  try {
    const outcome: unknown = listener(event)
    if (outcome instanceof Promise) outcome.catch(() => undefined)
  } catch {
    // The listener's own affair.
    return
  }
}

function wants({ id, events, minSeverity = 'notice' }: HookConfig, event: ArchiveEvent): boolean {
  // A hook that gave up is not told so itself.
  if (event.type === 'hook-gave-up' && event.hook === id) return false
  return (events === undefined || events.includes(event.type)) && isAtLeast(event.severity, minSeverity)
}

/** What a policy misses, without its sentences. */
export const unmet = (missing: readonly Missing[]): readonly Unmet[] =>
  missing.slice(0, MOST_UNMET).map(({ constraint, wanted, found }) => ({ constraint, wanted, found }))

/** Stores evidence, and announces replicas that turned out damaged, missing, or well again. Every verb records through here. */
export async function recordEvidence(
  { catalog, events }: { readonly catalog: Catalog; readonly events: Events },
  rows: Parameters<Catalog['recordEvidence']>[0],
): Promise<void> {
  events.tell(await catalog.recordEvidence(rows, (changes) => events.announcements(changes.flatMap(factOf))))
}

function factOf({ name, vault, from, to }: StandingChange): readonly ArchiveFact[] {
  const at = { vault, pack: name.toString() }
  if (to === 'damaged') return [{ type: 'replica-damaged', ...at }]
  if (to === 'missing') return [{ type: 'replica-missing', ...at }]
  const wasBad = from === 'damaged' || from === 'missing'
  return wasBad && to === 'intact' ? [{ type: 'replica-recovered', ...at }] : []
}
