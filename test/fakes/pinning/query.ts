/** Which pins a query means. */
import { PIN_STATES, type PinState, type PinStatus } from '../../../src/vaults/ipfs/pinning/pins.ts'
import { bad, cidOf, isTexts, json } from './wire.ts'

type Accepts = (pin: PinStatus) => boolean

const MATCHES: Readonly<Record<string, (name: string, wanted: string) => boolean>> = {
  exact: (name, wanted) => name === wanted,
  iexact: (name, wanted) => name.toLowerCase() === wanted.toLowerCase(),
  partial: (name, wanted) => name.includes(wanted),
  ipartial: (name, wanted) => name.toLowerCase().includes(wanted.toLowerCase()),
}

/** Of all pins, the newest first: how many meet the query, and the first of them. Throws a Refusal for a query that is none. */
export function select(
  pins: Iterable<PinStatus>,
  query: URLSearchParams,
): { readonly count: number; readonly results: readonly PinStatus[] } {
  const tests = [byStatus(query), byCid(query), byName(query), byTime(query), byMeta(query)]
  const limit = Number(query.get('limit') ?? 10)
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) throw bad('limit is no number from 1 to 1000')
  const met = [...pins].filter((pin) => tests.every((accepts) => accepts(pin))).sort((a, b) => (a.created < b.created ? 1 : -1))
  return { count: met.length, results: met.slice(0, limit) }
}

function byStatus(query: URLSearchParams): Accepts {
  const states = (query.get('status') ?? 'pinned').split(',')
  if (!states.every((each) => PIN_STATES.includes(each as PinState))) throw bad('status is no list of states')
  return ({ status }) => states.includes(status)
}

function byCid(query: URLSearchParams): Accepts {
  const cids = query.get('cid')?.split(',')
  if (cids && cids.length > 10) throw bad('more than 10 CIDs')
  for (const each of cids ?? []) cidOf(each)
  return ({ pin }) => cids?.includes(pin.cid) ?? true
}

function byName(query: URLSearchParams): Accepts {
  const wanted = query.get('name')
  const matches = MATCHES[query.get('match') ?? 'exact']
  if (!matches) throw bad('match is none of exact, iexact, partial and ipartial')
  return ({ pin }) => wanted === null || (pin.name !== undefined && matches(pin.name, wanted))
}

function byTime(query: URLSearchParams): Accepts {
  const [before, after] = [
    momentOf(query.get('before')) ?? Number.POSITIVE_INFINITY,
    momentOf(query.get('after')) ?? Number.NEGATIVE_INFINITY,
  ]
  return ({ created }) => Date.parse(created) < before && Date.parse(created) > after
}

function momentOf(text: string | null): number | undefined {
  if (text === null) return undefined
  const moment = Date.parse(text)
  if (Number.isNaN(moment)) throw bad(`${text} is no moment`)
  return moment
}

function byMeta(query: URLSearchParams): Accepts {
  const text = query.get('meta')
  if (text === null) return () => true
  const wanted = json(text)
  if (!isTexts(wanted)) throw bad('meta is no object of texts')
  return ({ pin }) => Object.entries(wanted).every(([key, value]) => pin.meta?.[key] === value)
}
