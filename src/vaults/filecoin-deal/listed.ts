/** The list that says by which deal each pack is stored: the user's own word, and the only place where pack and piece are tied together. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { CID } from 'multiformats/cid'
import { collect } from '../../bytes/collect.ts'
import type { PackKind } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import type { At } from './locator.ts'
import { payloadOf, pieceIdOf } from './piece.ts'

const MAX_LIST_BYTES = 64 * 1024 * 1024
/** Smallest piece of the network. */
const LEAST_PIECE_BYTES = 128

export interface FilecoinDeal {
  /** The pack's name, a CID. */
  readonly pack: string
  /** Piece CID of the whole CAR, v1 (`baga…`) or v2 (`bafkzcib…`), which says lengths as well. */
  readonly pieceCid: string
  /** Of the pack. */
  readonly byteLength: number
  /** A claim of the verified registry. Either this or `deal`. */
  readonly claim?: { readonly provider: string; readonly id: number } | undefined
  /** A deal of the storage market, f05. */
  readonly deal?: { readonly id: number } | undefined
  /** What was agreed on, where it ends before the chain says so: a date such as `2028-01-31`. */
  readonly until?: string | undefined
  /** Default `content`. */
  readonly kind?: PackKind | undefined
}

export interface Entry {
  readonly pack: CID
  readonly at: At
  /** Milliseconds since 1970. */
  readonly until: number | undefined
  readonly kind: PackKind
}

/** Of several entries of one pack the last one counts: who renews a deal adds it below. */
export type Entries = ReadonlyMap<string, Entry>

/** Reads the list, a file only again when it has changed. What cannot be read is never an empty list. */
export function listOf(vault: string, deals: readonly FilecoinDeal[] | string): () => Promise<Entries> {
  if (typeof deals !== 'string') {
    const entries = entriesOf(vault, deals)
    return async () => entries
  }
  let known: { readonly mark: string; readonly entries: Entries } | undefined
  return async () => {
    try {
      const { mtimeMs, size, ino } = await stat(deals)
      const mark = `${mtimeMs} ${size} ${ino}`
      if (known?.mark === mark) return known.entries
      const text = Buffer.from(await collect(createReadStream(deals), MAX_LIST_BYTES)).toString()
      known = { mark, entries: entriesOf(vault, parsed(vault, deals, text)) }
      return known.entries
    } catch (cause) {
      if (cause instanceof VaultError) throw cause
      const code =
        cause instanceof Error && 'code' in cause && (cause.code === 'EACCES' || cause.code === 'EPERM') ? 'denied' : 'unreachable'
      throw new VaultError(code, vault, `the list of deals ${deals} cannot be read; check the path in \`deals\``, { cause })
    }
  }
}

function parsed(vault: string, path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new VaultError('invalid', vault, `the list of deals ${path} is no JSON; correct it`, { cause })
  }
}

function entriesOf(vault: string, list: unknown): Entries {
  if (!Array.isArray(list)) throw new VaultError('invalid', vault, '`deals` must be a list of deals, or the path of a JSON file with one')
  const entries = new Map<string, Entry>()
  for (const [place, item] of list.entries()) {
    const entry = entryOf(item)
    if (typeof entry === 'string') throw new VaultError('invalid', vault, `deals[${place}] ${entry}`)
    const name = entry.pack.toString()
    entries.delete(name)
    entries.set(name, entry)
  }
  return entries
}

const KEYS = ['pack', 'pieceCid', 'byteLength', 'claim', 'deal', 'until', 'kind']

/** The entry, or what is wrong with it. */
function entryOf(item: unknown): Entry | string {
  if (typeof item !== 'object' || item === null) return 'must be an object'
  const stranger = Object.keys(item).find((key) => !KEYS.includes(key))
  if (stranger !== undefined) return `has an unknown key ${JSON.stringify(stranger.slice(0, 40))}; known are ${KEYS.join(', ')}`
  const { pack, pieceCid, byteLength, claim, deal, until, kind = 'content' }: Partial<Record<keyof FilecoinDeal, unknown>> = item
  const name = cidOf(pack)
  if (!name) return 'needs `pack`, the CID that is the name of a pack'
  const piece = pieceIdOf(pieceCid)
  if (!piece) return 'needs `pieceCid`, a piece CID: baga… or bafkzcib…'
  if (typeof byteLength !== 'number' || !Number.isSafeInteger(byteLength) || byteLength <= 0)
    return 'needs `byteLength`, the length of the pack'
  if (piece.byteLength !== undefined && !fits(piece.byteLength, byteLength))
    return `says that the pack has ${byteLength} bytes, and its pieceCid that it has ${piece.byteLength}`
  if (kind !== 'content' && kind !== 'index') return '`kind` is content or index'
  const ends = until === undefined ? undefined : typeof until === 'string' ? Date.parse(until) : Number.NaN
  if (Number.isNaN(ends)) return '`until` is no date; write it like 2028-01-31'
  const of = { pieceCid: String(pieceCid), piece, byteLength }
  if ((claim === undefined) === (deal === undefined)) return 'needs either `claim` or `deal`'
  if (deal !== undefined) {
    const id = idOf(deal)
    return id === undefined ? '`deal` must be { "id": 99 }' : { pack: name, at: { kind: 'deal', id, ...of }, until: ends, kind }
  }
  const [id, provider] = [idOf(claim), providerOf(claim)]
  if (id === undefined || provider === undefined) return '`claim` must be { "provider": "f01234", "id": 5 }'
  return { pack: name, at: { kind: 'claim', provider, id, ...of }, until: ends, kind }
}

/** Packs shorter than the smallest piece are filled up with zeros first, or not. */
const fits = (payload: number, byteLength: number): boolean =>
  payload === byteLength || (byteLength < payloadOf(LEAST_PIECE_BYTES) && payload === payloadOf(LEAST_PIECE_BYTES))

function cidOf(text: unknown): CID | undefined {
  try {
    return typeof text === 'string' ? CID.parse(text) : undefined
  } catch {
    return undefined
  }
}

function idOf(value: unknown): number | undefined {
  const id: unknown = typeof value === 'object' && value !== null && 'id' in value ? value.id : undefined
  return typeof id === 'number' && Number.isSafeInteger(id) && id >= 0 && id < 1e15 ? id : undefined
}

function providerOf(value: unknown): string | undefined {
  const provider: unknown = typeof value === 'object' && value !== null && 'provider' in value ? value.provider : undefined
  return typeof provider === 'string' && /^[ft]0\d{1,19}$/.test(provider) ? provider : undefined
}
