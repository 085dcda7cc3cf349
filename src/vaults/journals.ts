/** Where nobody keeps a journal, the process remembers what it signed. */
import type { Journal, Pack } from '../contracts.ts'

/** By the name of the pack. */
export type Journals = Map<string, Journal>

export function journalOf(journals: Journals, { name }: Pack): Journal {
  const key = name.toString()
  const known = journals.get(key)
  if (known) return known
  let state: Uint8Array | undefined
  const journal: Journal = {
    load: async () => state,
    save: async (bytes) => {
      state = bytes
    },
  }
  journals.set(key, journal)
  return journal
}
