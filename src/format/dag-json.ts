/** DAG-JSON (https://ipld.io/specs/codecs/dag-json/spec/) for people and jq: what was DAG-CBOR, and could be made into the same bytes again. */
import { base64 } from 'multiformats/bases/base64'
import { CID } from 'multiformats/cid'

/** Links become `{"/": "bafy…"}`, bytes `{"/": {"bytes": "…"}}`. */
export function dagJson(value: unknown, indent = 2): string {
  return JSON.stringify(plain(value), undefined, indent)
}

function plain(value: unknown): unknown {
  const cid = CID.asCID(value)
  if (cid) return { '/': cid.toString() }
  if (value instanceof Uint8Array) return { '/': { bytes: base64.encode(value).slice(1) } }
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]))
}
