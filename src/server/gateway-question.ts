/** What a request to a gateway asks for, read from its query and its `Accept`, as the trustless and path gateway specifications have it. */
import type { IncomingHttpHeaders } from 'node:http'
import type { DagScope, EntityBytes, ServedCarOptions } from '../contracts.ts'

export const RAW_TYPE = 'application/vnd.ipld.raw'
export const CAR_TYPE = 'application/vnd.ipld.car'

export type Question = {
  /** As it was sent: percent-encoded, without the query. */
  readonly path: string
  /** With its question mark, or empty. */
  readonly query: string
  readonly filename: string | undefined
  readonly download: boolean
  /** Only `Accept` says so, and the answer names an address that says it, too. */
  readonly negotiated: boolean
} & Wanted

type Wanted =
  | { readonly format: 'raw' | 'file' }
  | { readonly format: 'car'; readonly car: Pick<ServedCarOptions, 'scope' | 'bytes' | 'order' | 'dups'> }

/** Why nobody can answer it. */
export class Unanswerable extends Error {
  override readonly name = 'Unanswerable'
  readonly status: 400 | 406

  constructor(status: 400 | 406, message: string) {
    super(message)
    this.status = status
  }
}

/** Throws Unanswerable. */
export function questionOf(url: string, { accept }: IncomingHttpHeaders): Question {
  const [path = '', ...rest] = url.split('?')
  const query = rest.length === 0 ? '' : `?${rest.join('?')}`
  const given = new URLSearchParams(query)
  const asked = { path, query, filename: given.get('filename') ?? undefined, download: given.get('download') === 'true' }
  const format = given.get('format')
  if (format !== null && format !== 'raw' && format !== 'car')
    throw new Unanswerable(400, `format=${format} is not given here; ask for raw, for car, or for none`)
  const accepted = acceptedBy(format === null ? accept : `${accept ?? ''},*/*;q=0.001`)
  const chosen: Accepted = format === null ? accepted : { format, parameters: accepted.format === format ? accepted.parameters : NONE }
  const negotiated = format === null && chosen.format !== 'file'
  if (chosen.format !== 'car') return { ...asked, negotiated, format: chosen.format }
  return { ...asked, negotiated, format: 'car', car: carOf(given, chosen.parameters) }
}

type Parameters = ReadonlyMap<string, string>

const NONE: Parameters = new Map()

interface Accepted {
  readonly format: 'raw' | 'car' | 'file'
  readonly parameters: Parameters
}

/** The best that can be given. A CAR that cannot be given as it is wanted is only told when nothing else is wanted. */
function acceptedBy(accept = '*/*'): Accepted {
  const types = accept
    .split(',')
    .map(typeOf)
    .filter(({ quality }) => quality > 0)
  types.sort((a, b) => b.quality - a.quality)
  let refused: Accepted | undefined
  for (const { type, parameters } of types) {
    if (type === RAW_TYPE) return { format: 'raw', parameters }
    if (type === CAR_TYPE && isGiven(parameters)) return { format: 'car', parameters }
    if (type === CAR_TYPE) refused ??= { format: 'car', parameters }
    else if (!type.startsWith('application/vnd.ip')) return { format: 'file', parameters: NONE }
  }
  if (refused) return refused
  throw new Unanswerable(406, `none of these is given here; ask for ${RAW_TYPE}, for ${CAR_TYPE}, or for */*`)
}

function typeOf(text: string): { readonly type: string; readonly parameters: Parameters; readonly quality: number } {
  const [type = '', ...pairs] = text.split(';').map((part) => part.trim().toLowerCase())
  const parameters = new Map(pairs.map((pair) => [pair.split('=', 1)[0]?.trim() ?? '', unquoted(pair.slice(pair.indexOf('=') + 1).trim())]))
  const quality = Number(parameters.get('q') ?? 1)
  return { type, parameters, quality: Number.isNaN(quality) ? 0 : quality }
}

const unquoted = (text: string) => text.replace(/^"(.*)"$/, '$1')

const CHOICES: Readonly<Record<string, readonly string[]>> = { version: ['1'], order: ['dfs', 'unk', ''], dups: ['y', 'n', ''] }

const isGiven = (parameters: Parameters) =>
  Object.entries(CHOICES).every(([name, values]) => values.includes(parameters.get(name) ?? values[0] ?? ''))

function carOf(query: URLSearchParams, parameters: Parameters): Pick<ServedCarOptions, 'scope' | 'bytes' | 'order' | 'dups'> {
  for (const [name, values] of Object.entries(CHOICES)) {
    const value = query.get(`car-${name}`)
    if (value !== null && !values.includes(value)) throw new Unanswerable(400, `car-${name}=${value} is not given here`)
    if (value === null && !values.includes(parameters.get(name) ?? values[0] ?? ''))
      throw new Unanswerable(406, `a CAR with ${name}=${parameters.get(name)} is not given here`)
  }
  const chosen = (name: string) => query.get(`car-${name}`) ?? parameters.get(name)
  const bytes = bytesOf(query.get('entity-bytes'))
  return {
    scope: scopeOf(query.get('dag-scope'), bytes),
    bytes,
    order: chosen('order') === 'unk' ? 'unk' : 'dfs',
    dups: chosen('dups') === 'y',
  }
}

/** Bytes are of an entity, whatever else is asked for. */
function scopeOf(text: string | null, bytes: EntityBytes | undefined): DagScope {
  if (text !== null && text !== 'block' && text !== 'entity' && text !== 'all')
    throw new Unanswerable(400, `dag-scope=${text} is none of block, entity and all`)
  return bytes ? 'entity' : (text ?? 'all')
}

function bytesOf(text: string | null): EntityBytes | undefined {
  if (text === null) return undefined
  const [, from, to] = /^(-?\d{1,15}):(-?\d{1,15}|\*)$/.exec(text) ?? []
  if (from === undefined || to === undefined)
    throw new Unanswerable(400, 'entity-bytes is two offsets such as 0:1023, -1024:* or 500:-1000')
  return { from: Number(from), to: to === '*' ? to : Number(to) }
}
