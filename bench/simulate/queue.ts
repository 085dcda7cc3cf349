/** What happens when: a heap of events, earliest first, those of one moment in the order they were put in. */

interface Entry<Event> {
  readonly at: number
  readonly order: number
  readonly event: Event
}

export interface Queue<Event> {
  add(at: number, event: Event): void
  /** Takes out the earliest, or undefined when there is none before `until`. */
  next(until: number): { readonly at: number; readonly event: Event } | undefined
}

export function queue<Event>(): Queue<Event> {
  const heap: Entry<Event>[] = []
  let order = 0
  const before = (one: Entry<Event>, other: Entry<Event>) => one.at < other.at || (one.at === other.at && one.order < other.order)

  function sink(entry: Entry<Event>): void {
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      let lesser = heap[child]
      if (!lesser) break
      const right = heap[child + 1]
      if (right && before(right, lesser)) {
        child++
        lesser = right
      }
      if (!before(lesser, entry)) break
      heap[at] = lesser
      at = child
    }
    heap[at] = entry
  }

  return {
    add: (at, event) => {
      const entry = { at, order: order++, event }
      let place = heap.length
      while (place > 0) {
        const above = (place - 1) >> 1
        const parent = heap[above]
        if (!parent || !before(entry, parent)) break
        heap[place] = parent
        place = above
      }
      heap[place] = entry
    },
    next: (until) => {
      const first = heap[0]
      if (!first || first.at > until) return undefined
      const last = heap.pop()
      if (last && last !== first) sink(last)
      return { at: first.at, event: first.event }
    },
  }
}
