/**
 * What an answer of Kubo means where it is no success. All errors of commands are HTTP 500 with the code 0, so that their sentences are all there is to tell
 * them by: those read here are of Kubo 0.39 and the libraries below it, and the tests beside a real node notice when they change. A sentence that is not
 * known is `unreachable`: it says nothing of a replica.
 */
import { oneLine } from '../../../bytes/one-line.ts'
import { VaultError, type VaultErrorCode } from '../../../errors.ts'
import type { Node } from './options.ts'

const MAX_TEXT = 300

type Meaning = readonly [VaultErrorCode, string]

const AUTH = 'give `auth` as API.Authorizations in the configuration of the node, or its proxy, wants it, with the paths this vault uses'
const ELSEWHERE = 'no RPC API of Kubo answers there; check `api`, which is not the gateway, and proxies'

const BY_STATUS: Readonly<Record<number, Meaning>> = {
  400: ['invalid', 'the node does not take this request; it may be older than Kubo 0.30'],
  401: ['denied', AUTH],
  403: ['denied', AUTH],
  404: ['unreachable', ELSEWHERE],
  405: ['unreachable', ELSEWHERE],
  413: ['invalid', 'a proxy before the node takes no bodies of that size'],
}

/** Of the pinner, of the operating system, of the offline exchange, and of a blockstore with Datastore.HashOnRead. */
const BY_SENTENCE: readonly (readonly [RegExp, Meaning])[] = [
  [/^path '[^']*' is not pinned$/, ['absent', 'it is not pinned there']],
  [/no space left on device|disk quota exceeded/i, ['exhausted', 'make room where the node keeps its blocks']],
  [/block was not found locally|ipld: could not find /, ['absent', 'the node does not hold it; repair brings it again']],
  [/block in storage has different hash than requested/, ['damaged', 'the node found it damaged; repair brings it again']],
]

/** `doing` continues "vault x: "; `text` is the body, as far as it was read. */
export function refusal(node: Node, doing: string, { status }: Response, text: string): VaultError {
  const sentence = sentenceOf(text)
  const [code, advice] = meaningOf(status, sentence)
  return new VaultError(code, node.id, `${doing} failed with HTTP ${status}${sentence && ` (${shown(node, sentence)})`}; ${advice}`)
}

/** The text on one line, short and without secrets. */
export function shown({ secrets }: Pick<Node, 'secrets'>, text: string): string {
  const safe = secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), text)
  return oneLine(safe, MAX_TEXT)
}

/** The meaning of a sentence of Kubo that did not come as an answer of its own. */
export function meaningOf(status: number, sentence: string): Meaning {
  const known = BY_STATUS[status]
  if (known) return known
  if (status === 500) for (const [words, meaning] of BY_SENTENCE) if (words.test(sentence)) return meaning
  if (status >= 300 && status < 400)
    return ['invalid', 'it redirects, and `auth` is sent to no other place; give the final address in `api`']
  return ['unreachable', 'look at the log of the node, then try again']
}

function sentenceOf(text: string): string {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && 'Message' in value ? String(value.Message) : ''
  } catch {
    return ''
  }
}
