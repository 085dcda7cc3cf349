/** The ways in which people write the address of something on IPFS, read into a CID and a path. Nothing is looked up. */
import { base36 } from 'multiformats/bases/base36'
import { CID } from 'multiformats/cid'
import { FormatError } from '../errors.ts'

export interface IpfsAddress {
  readonly cid: CID
  /** Names below the CID, decoded; none of them is empty, `.` or `..`, or holds a slash. */
  readonly path: readonly string[]
  /** Origin of the gateway that the address names, e.g. `https://gw.example`. */
  readonly gateway?: string | undefined
}

const MOST_CHARACTERS = 8_192
const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i
/** What may be a CID as the first label of a host, and what is left of it. */
const SUBDOMAIN = /^([a-z0-9-]+)\.(ipfs|ipns)\.(.+)$/
const FORMS = 'pass a CID, ipfs://CID/path, /ipfs/CID/path, https://host/ipfs/CID/path or https://CID.ipfs.host/path'

/**
 * Reads `CID`, `CID/path`, `/ipfs/CID/path`, `ipfs://CID/path`, `https://host/ipfs/CID/path` and `https://CID.ipfs.host/path`. Queries and fragments are no
 * part of the path and are left out. Throws FormatError: `invalid-cid`, `unsupported` for names that change what they mean (`/ipns/`), else `malformed`.
 */
export function parseIpfsUrl(text: string): IpfsAddress {
  const given = text.trim()
  if (given === '' || given.length > MOST_CHARACTERS) throw malformed(text, 'it is empty or too long')
  const scheme = SCHEME.exec(given)?.[1]?.toLowerCase()
  if (scheme === undefined) return named(text, given.replace(/^\/ipfs\//, ''), /^\/?ipns\//.test(given))
  const rest = given.slice(scheme.length + 3)
  if (scheme === 'ipfs') return named(text, rest.replace(/^ipfs\//, ''), false)
  if (scheme === 'ipns') throw changing(text)
  if (scheme !== 'https' && scheme !== 'http') throw malformed(text, `${scheme} is another scheme`)
  return onGateway(text, given)
}

/** The path is cut from the text: URL would resolve `..` before anybody could refuse it. */
function onGateway(text: string, given: string): IpfsAddress {
  const { origin, host, protocol, username, password } = parsed(text, given)
  if (username !== '' || password !== '') throw malformed('this URL', 'it holds a password')
  const after = /^[^/\\?#]*:\/\/[^/\\?#]*(.*)$/.exec(given)?.[1] ?? ''
  const [, label = '', kind, domain = ''] = SUBDOMAIN.exec(host) ?? []
  if (kind === 'ipns') throw changing(text)
  // A gateway may be called `gateway.ipfs.example` and answer under /ipfs/.
  if (kind !== undefined && (parsedCid(label) || !after.startsWith('/ipfs/')))
    return { ...named(text, `${label}${after}`, false), gateway: `${protocol}//${domain}` }
  if (after.startsWith('/ipns/')) throw changing(text)
  if (!after.startsWith('/ipfs/')) throw malformed(text, 'its path does not begin with /ipfs/')
  return { ...named(text, after.slice('/ipfs/'.length), false), gateway: origin }
}

function parsed(text: string, given: string): URL {
  try {
    return new URL(given)
  } catch (cause) {
    throw malformed(text, 'it is no URL', cause)
  }
}

function named(text: string, rest: string, ipns: boolean): IpfsAddress {
  if (ipns) throw changing(text)
  const [bare = ''] = rest.split(/[?#]/, 1)
  const [first = '', ...names] = bare.split('/')
  if (names.at(-1) === '') names.pop()
  return { cid: cidOf(text, first), path: names.map((name) => decoded(text, name)) }
}

function cidOf(text: string, first: string): CID {
  const cid = parsedCid(first)
  if (!cid) throw new FormatError('invalid-cid', `${shown(first)} in ${shown(text)} is not a CID; ${FORMS}`)
  return cid
}

function parsedCid(label: string): CID | undefined {
  try {
    return label.startsWith('k') ? CID.parse(label, base36) : CID.parse(label)
  } catch {
    return undefined
  }
}

function decoded(text: string, name: string): string {
  let plain: string
  try {
    plain = decodeURIComponent(name)
  } catch (cause) {
    throw malformed(text, `${shown(name)} is not percent-encoded UTF-8`, cause)
  }
  if (plain === '' || plain === '.' || plain === '..') throw malformed(text, `its path holds ${shown(plain)}`)
  if (/[/\\\0]/.test(plain)) throw malformed(text, `${shown(name)} holds a slash or a NUL, which no name can`)
  return plain
}

const changing = (text: string) =>
  new FormatError('unsupported', `${shown(text)} is an IPNS name, which may mean something else tomorrow; resolve it and pass the CID`)

const malformed = (text: string, why: string, cause?: unknown) =>
  new FormatError('malformed', `${shown(text)} is no address on IPFS: ${why}; ${FORMS}`, { cause })

const shown = (text: string) => JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)
